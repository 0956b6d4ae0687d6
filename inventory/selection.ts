/** Selections of hosts on a command line: `web,@server,db-*`. */

import { listNames, unknownName } from "../lib/names.ts";
import { RunError } from "../lib/run-error.ts";
import type { PlannedHost } from "./plan.ts";

type Selectable = Pick<PlannedHost, "name" | "tags" | "profiles" | "wave">;

/** What `@LABEL` may name: a tag, a profile, or a wave as `wave1`. */
const labelsOf = ({ tags, profiles, wave }: Selectable): string[] => [...tags, ...profiles, `wave${wave}`];

function matching(term: string, hosts: readonly Selectable[]): readonly Selectable[] {
  if (term.startsWith("@")) {
    const label = term.slice(1);
    const found = hosts.filter((host) => labelsOf(host).includes(label));
    if (found.length > 0) return found;
    throw new RunError(unknownName("tag", label, new Set(hosts.flatMap(labelsOf))));
  }
  if (term.includes("*")) {
    const parts = term.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const pattern = new RegExp(`^${parts.join(".*")}$`);
    const found = hosts.filter(({ name }) => pattern.test(name));
    if (found.length > 0) return found;
    throw new RunError(`no host matches "${term}"; hosts are ${listNames(hosts.map(({ name }) => name))}`);
  }
  const found = hosts.filter(({ name }) => name === term);
  if (found.length > 0) return found;
  throw new RunError(
    unknownName(
      "host",
      term,
      hosts.map(({ name }) => name),
    ),
  );
}

/**
 * Names of the hosts that a selection matches, in the inventory's order. Terms are separated by
 * commas: a name, `@` and a tag, a profile or `waveN`, or a pattern with `*`.
 * @throws RunError when it is empty, or a term matches no host; the message has the nearest match.
 */
export function selectHosts(selection: string, hosts: readonly Selectable[]): string[] {
  const terms = selection
    .split(",")
    .map((term) => term.trim())
    .filter((term) => term !== "");
  if (terms.length === 0)
    throw new RunError(`the selection "${selection}" is empty: give NAME, @TAG or PATTERN*`);
  const selected = new Set(terms.flatMap((term) => matching(term, hosts).map(({ name }) => name)));
  return hosts.map(({ name }) => name).filter((name) => selected.has(name));
}
