/** Bytes of one character string of a TXT record. Source: RFC 1035, section 3.3. */
const MAX_STRING_BYTES = 255;

const QUOTED_STRINGS = /^"(?:[^"\\]|\\.)*"(?:\s+"(?:[^"\\]|\\.)*")*$/s;

/** Bytes of a string without its quotes; `\"`, `\\` and `\DDD` are one byte each. Source: RFC 1035, section 5.1. */
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
 * Character strings of a TXT record's content: quoted strings as written, any other text as one string.
 * Undefined when a quote is not closed.
 */
function stringsOf(content: string): Buffer[] | undefined {
  if (!content.startsWith('"')) return [Buffer.from(content)];
  if (!QUOTED_STRINGS.test(content)) return undefined;
  return (content.match(/"(?:[^"\\]|\\.)*"/gs) ?? []).map((quoted) => unescaped(quoted.slice(1, -1)));
}

/** Splits a string that is too long; an empty one remains. */
function pieces(bytes: Buffer): Buffer[] {
  const count = Math.max(1, Math.ceil(bytes.length / MAX_STRING_BYTES));
  return Array.from({ length: count }, (_, i) =>
    bytes.subarray(i * MAX_STRING_BYTES, (i + 1) * MAX_STRING_BYTES),
  );
}

/**
 * Content of a TXT record as Cloudflare stores and returns it: quoted strings of at most 255 bytes. Content in another form
 * would come back in this one and differ at every refresh.
 * Source: Cloudflare API, "TXTRecord": "The content must consist of quoted character strings (RFC 1035), each with a length of
 * up to 255 bytes. Strings exceeding this allowed maximum length are automatically split."
 * @returns undefined when a quote is not closed.
 */
export function txtContent(content: string): string | undefined {
  return stringsOf(content)
    ?.flatMap(pieces)
    .map((bytes) => `"${escaped(bytes)}"`)
    .join(" ");
}

/** Bytes of the record's data in a DNS message: each string and its length byte. */
export function txtWireBytes(content: string): number {
  return (stringsOf(content) ?? []).flatMap(pieces).reduce((sum, bytes) => sum + bytes.length + 1, 0);
}
