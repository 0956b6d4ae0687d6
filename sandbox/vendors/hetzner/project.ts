import type { Compute } from "../compute.ts";
import type { Log } from "../http.ts";
import type { RightsOf } from "../rights.ts";
import type { Store } from "../store.ts";
import { Actions } from "./actions.ts";
import type { ReverseDns } from "./reverse-dns.ts";
import type { State } from "./state.ts";

/** What the handlers of all resources share: the project's state, its machines, its running actions. */
export interface Project {
  store: Store<State>;
  state: State;
  compute: Compute;
  actions: Actions;
  token: string;
  /** What the token and the account may do. */
  rights: RightsOf<"hetzner">;
  log: Log;
  /** Null without a DNS server. */
  reverse: ReverseDns | null;
}

export const openProject = ({
  reverse = null,
  rights = () => ({}),
  ...parts
}: Pick<Project, "store" | "compute" | "token" | "log"> &
  Partial<Pick<Project, "reverse" | "rights">>): Project => ({
  ...parts,
  rights,
  state: parts.store.data,
  actions: new Actions(parts.store, parts.log),
  reverse,
});

export const newId = (state: State): number => state.nextId++;

/** A timestamp in the vendor's form: whole seconds, `+00:00`. */
export const timestamp = (date = new Date()): string => date.toISOString().replace(/\.\d+Z$/, "+00:00");
