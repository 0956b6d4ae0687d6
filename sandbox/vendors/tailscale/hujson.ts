/**
 * HuJSON: JSON with `//` and block comments and trailing commas (github.com/tailscale/hujson).
 * Comments and trailing commas become spaces, so that positions in error messages stay correct.
 */
export function standardize(text: string): string {
  const out = [...text];
  const blank = (from: number, to: number) => {
    for (let at = from; at < to; at++) if (out[at] !== "\n") out[at] = " ";
  };
  let comma = -1;
  for (let at = 0; at < out.length; ) {
    const character = text[at];
    if (character === '"') {
      comma = -1;
      at = endOfString(text, at);
    } else if (text.startsWith("//", at)) {
      const end = text.indexOf("\n", at);
      blank(at, end < 0 ? text.length : end);
      at = end < 0 ? text.length : end;
    } else if (text.startsWith("/*", at)) {
      const end = text.indexOf("*/", at + 2);
      if (end < 0) throw new SyntaxError(`unterminated comment at offset ${at}`);
      blank(at, end + 2);
      at = end + 2;
    } else {
      if (character === ",") comma = at;
      else if ((character === "}" || character === "]") && comma >= 0) out[comma] = " ";
      if (character !== undefined && !/[\s,]/.test(character)) comma = -1;
      at += 1;
    }
  }
  return out.join("");
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') return at + 1;
  }
  throw new SyntaxError(`unterminated string at offset ${start}`);
}

export const parseHujson = (text: string): unknown => JSON.parse(standardize(text));
