/** Lists of names in messages. */

const MAX_NAMES = 10;

/** Edits of one character that turn one name into the other (Levenshtein distance). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** The name that was probably meant: at most a third of its characters differ. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  const near = names
    .map((name) => ({ name, edits: distance(given.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, edits }) => edits <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.edits - b.edits);
  return near[0]?.name;
}

/** `a, b, c`; of more than `most` names the first ones and how many more there are. */
export function firstNames(names: readonly string[], most = MAX_NAMES): string {
  const listed = names.slice(0, most).join(", ") || "none";
  return names.length > most ? `${listed} and ${names.length - most} more` : listed;
}

/** The same, sorted. */
export const listNames = (names: Iterable<string>): string => firstNames([...names].sort());

/** A list of names for messages. If not all fit, those most similar to `given` come first. */
function nearestNames(given: string, names: readonly string[]): string {
  if (names.length <= MAX_NAMES) return listNames(names);
  const edits = new Map(names.map((name) => [name, distance(given.toLowerCase(), name.toLowerCase())]));
  return firstNames([...names].sort().sort((a, b) => (edits.get(a) ?? 0) - (edits.get(b) ?? 0)));
}

/** `unknown host "webb"; did you mean "web"? Hosts are db, web` */
export function unknownName(kind: string, given: string, names: Iterable<string>): string {
  const all = [...names];
  const nearest = nearestName(given, all);
  const list = `${kind}s are ${nearestNames(given, all)}`;
  if (nearest === undefined) return `unknown ${kind} "${given}"; ${list}`;
  return `unknown ${kind} "${given}"; did you mean "${nearest}"? ${list[0]?.toUpperCase()}${list.slice(1)}`;
}
