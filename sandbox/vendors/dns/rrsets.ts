/** Pure pieces of serving records: sets by name and type, their differences, the form PowerDNS wants. */

export interface RecordSet {
  /** Absolute, with a trailing dot, lower case. */
  name: string;
  type: string;
  ttl: number;
  /** In zone-file form, sorted. */
  contents: string[];
}

export interface Change extends RecordSet {
  changetype: "REPLACE" | "DELETE";
}

export const absolute = (name: string): string => `${name.replace(/\.$/, "").toLowerCase()}.`;

const keyOf = (set: { name: string; type: string }) => `${set.name} ${set.type}`;

/** Joins single records into sets: same name and type; the lowest TTL wins, doubles fall away. */
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

/** What turns `current` into `wanted`. Deletions come first: a CNAME may have to go before an A can come. */
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

/** Quotes text for a TXT record in strings of at most 255 bytes; text already in quotes stays as it is. */
export function txtContent(text: string): string {
  if (/^"(?:[^"\\]|\\.)*"(?:\s+"(?:[^"\\]|\\.)*")*$/.test(text)) return text;
  const bytes = Buffer.from(text);
  const parts: string[] = [];
  for (let start = 0; start === 0 || start < bytes.length; start += 255) {
    const escaped = [...bytes.subarray(start, start + 255)].map((byte) => {
      if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
      return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, "0")}`;
    });
    parts.push(`"${escaped.join("")}"`);
  }
  return parts.join(" ");
}
