/** Bytes of one character string of a TXT record. Source: RFC 1035, section 3.3. */
const MAX_STRING_BYTES = 255;

const QUOTED_STRINGS = /^"(?:[^"\\]|\\.)*"(?:\s+"(?:[^"\\]|\\.)*")*$/s;

/** Bytes of a quoted string's inside, in which `\"`, `\\` and `\DDD` stand for one byte. Source: RFC 1035, section 5.1. */
function unescaped(text: string): Buffer {
  const parts = text.match(/\\\d{3}|\\.|[^\\]+/gs) ?? [];
  return Buffer.concat(
    parts.map((part) => {
      if (/^\\\d{3}$/.test(part)) return Buffer.from([Number(part.slice(1)) & 0xff]);
      return Buffer.from(part.startsWith("\\") ? part.slice(1) : part);
    }),
  );
}

function escaped(bytes: Buffer): string {
  return [...bytes]
    .map((byte) => {
      if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
      return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, "0")}`;
    })
    .join("");
}

/**
 * Character strings of a TXT record's content: quoted strings as they are written, any other text as one string.
 * Undefined where quotes are not closed.
 */
function stringsOf(content: string): Buffer[] | undefined {
  if (!content.startsWith('"')) return [Buffer.from(content)];
  if (!QUOTED_STRINGS.test(content)) return undefined;
  return (content.match(/"(?:[^"\\]|\\.)*"/gs) ?? []).map((quoted) => unescaped(quoted.slice(1, -1)));
}

/** Cuts a string that is too long; an empty one stays. */
function pieces(bytes: Buffer): Buffer[] {
  const count = Math.max(1, Math.ceil(bytes.length / MAX_STRING_BYTES));
  return Array.from({ length: count }, (_, i) =>
    bytes.subarray(i * MAX_STRING_BYTES, (i + 1) * MAX_STRING_BYTES),
  );
}

/**
 * Content of a TXT record as Cloudflare keeps and returns it: quoted strings of at most 255 bytes. Whatever is written otherwise
 * comes back in this form and would differ at every refresh.
 * Source: Cloudflare API, "TXTRecord": "The content must consist of quoted character strings (RFC 1035), each with a length of
 * up to 255 bytes. Strings exceeding this allowed maximum length are automatically split."
 * @returns undefined when quotes are not closed.
 */
export function txtContent(content: string): string | undefined {
  return stringsOf(content)
    ?.flatMap(pieces)
    .map((bytes) => `"${escaped(bytes)}"`)
    .join(" ");
}

/** Bytes that the record's data take in a message: each string and its length. */
export function txtWireBytes(content: string): number {
  return (stringsOf(content) ?? []).flatMap(pieces).reduce((sum, bytes) => sum + bytes.length + 1, 0);
}
