import { sha256 } from "./sha256.ts";

/** Characters of the hash in a name that was cut: two names that begin alike stay apart. */
const HASH = 8;

/** `name` where it has at most `most` characters; else its beginning and a hash of all of it, with `between` before that. */
export function shortName(name: string, most: number, between = "-"): string {
  if (name.length <= most) return name;
  const tail = `${between}${sha256(name).slice(0, HASH)}`;
  return `${name.slice(0, most - tail.length)}${tail}`;
}
