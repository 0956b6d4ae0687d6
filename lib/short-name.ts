import { sha256 } from "./sha256.ts";

/** Characters of the hash in a shortened name. It keeps names with the same beginning distinct. */
const HASH_CHARACTERS = 8;

/** `name` when it has at most `max` characters, otherwise its beginning, `separator` and a hash of the whole name. */
export function shortName(name: string, max: number, separator = "-"): string {
  if (name.length <= max) return name;
  const tail = `${separator}${sha256(name).slice(0, HASH_CHARACTERS)}`;
  return `${name.slice(0, max - tail.length)}${tail}`;
}
