/** The part of a fleet that an address asks for: `?q=web&state=failed`. */
import { STATES, type State } from "../../status/classify.ts";
import type { HostDetail } from "../../status/detail.ts";

export interface Filter {
  /** Each word must be part of the host's name, tags, addresses, names or state. */
  readonly q: string;
  readonly state: State | undefined;
}

/** Longer searches are cut. */
const MAX_QUERY = 200;

export const filterOf = (q: string | undefined, state: string | undefined): Filter => ({
  q: (q ?? "").slice(0, MAX_QUERY).trim(),
  state: STATES.map(([name]) => name).find((name) => name === state),
});

/** The address' query of a filter; empty for the filter that shows everything. */
export function queryOf({ q, state }: Filter): string {
  const parameters = new URLSearchParams();
  if (q !== "") parameters.set("q", q);
  if (state !== undefined) parameters.set("state", state);
  return parameters.size === 0 ? "" : `?${parameters}`;
}

function searchable({ status, tags, addresses, names, services, environment }: HostDetail): string {
  return [
    status.name,
    status.state,
    `@wave${status.wave}`,
    environment,
    ...tags.map((tag) => `@${tag}`),
    ...Object.values(addresses),
    ...names.map(({ name }) => name),
    ...services.map(({ name }) => name),
  ]
    .join("\n")
    .toLowerCase();
}

export function filtered(details: readonly HostDetail[], { q, state }: Filter): HostDetail[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return details.filter((detail) => {
    if (state !== undefined && detail.status.state !== state) return false;
    const text = searchable(detail);
    return words.every((word) => text.includes(word));
  });
}
