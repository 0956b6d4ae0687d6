/** Who does the acts. The centre has no key and no token itself; its caller gives it one of these. */
import type { Identity } from "../access/identity.ts";
import type { ActName, ActRequest } from "./acts.ts";

export interface ActResult {
  readonly ok: boolean;
  /** What came of it, in one line. */
  readonly detail: string;
}

export interface Difference {
  readonly host: string;
  /** Store paths; undefined: unknown. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** What differs, a line for each package; undefined: this machine has not both closures. */
  readonly lines: readonly string[] | undefined;
  /** Why the host cannot go back. */
  readonly problem?: string;
}

export interface Actor {
  /** Why an act cannot be done here for a role; undefined: it can be tried. */
  unavailable(act: ActName, role: string): string | undefined;
  /** @param progress gets a line for each step */
  perform(request: ActRequest, by: Identity, progress: (line: string) => void): Promise<ActResult>;
  /** What going back would change on each host. Changes nothing. */
  differences(hosts: readonly string[]): Promise<readonly Difference[]>;
  /**
   * The last lines of a unit's journal, as text of the host.
   * @throws Error with the reason, such as that the host refuses it to the role
   */
  journal(host: string, unit: string, by: Identity): Promise<string>;
}

/** Of a centre that only shows. */
export const NO_ACTOR: Actor = {
  unavailable: () => "this control centre has nothing to act with",
  perform: () => Promise.resolve({ ok: false, detail: "this control centre has nothing to act with" }),
  differences: () => Promise.resolve([]),
  journal: () => Promise.reject(new Error("this control centre has nothing to ask a host with")),
};
