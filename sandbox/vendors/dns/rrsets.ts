/** Record sets by name and type, their differences, and the form of TXT content for PowerDNS. */

export interface RecordSet {
  /** Absolute, with a trailing dot, lower case. */
  name: string;
  type: string;
  ttl: number;
  /** In zone-file form, sorted. */
  contents: string[];
}

interface Change extends RecordSet {
  changetype: "REPLACE" | "DELETE";
}

export const absolute = (name: string): string => `${name.replace(/\.$/, "").toLowerCase()}.`;

const keyOf = (set: { name: string; type: string }) => `${set.name} ${set.type}`;

/** Groups records of the same name and type into sets, with the lowest TTL and without duplicates. */
export function groupRecords(
  records: { name: string; type: string; ttl: number; content: string }[],
): RecordSet[] {
  const sets = new Map<string, RecordSet>();
  for (const { name, type, ttl, content } of records) {
    const key = keyOf({ name, type });
    const set = sets.get(key) ?? { name, type, ttl, contents: [] };
    set.ttl = Math.min(set.ttl, ttl);
    if (!set.contents.includes(content)) set.contents.push(content);
    sets.set(key, set);
  }
  return [...sets.values()].map((set) => ({ ...set, contents: set.contents.sort() }));
}

const same = (a: RecordSet, b: RecordSet) =>
  a.ttl === b.ttl && a.contents.join("\n") === b.contents.join("\n");

/** The changes from `current` to `wanted`. Deletions come first: an A cannot be added beside a CNAME. */
export function changesBetween(current: RecordSet[], wanted: RecordSet[]): Change[] {
  const now = new Map(current.map((set) => [keyOf(set), set]));
  const goal = new Map(wanted.map((set) => [keyOf(set), set]));
  const gone = current.filter((set) => !goal.has(keyOf(set)));
  const changed = wanted.filter((set) => {
    const old = now.get(keyOf(set));
    return old === undefined || !same(old, set);
  });
  return [
    ...gone.map((set): Change => ({ ...set, changetype: "DELETE" })),
    ...changed.map((set): Change => ({ ...set, changetype: "REPLACE" })),
  ];
}

const QUOTED = /^"(?:[^"\\]|\\.)*"(?:\s+"(?:[^"\\]|\\.)*")*$/s;

/** The bytes of quoted text; a backslash escapes three digits (one byte) or one character. */
function bytesOf(quoted: string): Buffer {
  const parts = quoted.slice(1, -1).match(/\\\d{3}|\\.|[^\\]+/gs) ?? [];
  const bytes = parts.map((part) => {
    if (/^\\\d{3}$/.test(part)) return Buffer.from([Number(part.slice(1)) & 0xff]);
    return Buffer.from(part.startsWith("\\") ? part.slice(1) : part);
  });
  return Buffer.concat(bytes);
}

function quotedPieces(bytes: Buffer): string[] {
  const parts: string[] = [];
  for (let start = 0; start === 0 || start < bytes.length; start += 255) {
    const escaped = [...bytes.subarray(start, start + 255)].map((byte) => {
      if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
      return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, "0")}`;
    });
    parts.push(`"${escaped.join("")}"`);
  }
  return parts;
}

/** TXT content as quoted strings of at most 255 bytes; longer strings are split. */
export function txtContent(text: string): string {
  if (!QUOTED.test(text)) return quotedPieces(Buffer.from(text)).join(" ");
  const strings = text.match(/"(?:[^"\\]|\\.)*"/gs) ?? [];
  return strings
    .flatMap((quoted) => (bytesOf(quoted).length > 255 ? quotedPieces(bytesOf(quoted)) : [quoted]))
    .join(" ");
}
