/** What the control centre shows: a stack's status, with the facts of each host, at one moment. */
import type { FleetStatus } from "../status/classify.ts";
import type { HostDetail } from "../status/detail.ts";

export interface Fleet {
  readonly status: FleetStatus;
  /** In the order of the status, the worst first. */
  readonly details: readonly HostDetail[];
}

/**
 * Reads a fleet.
 * @param ask true: connects to the hosts. False: the outputs of the last run only, without a wait.
 * @throws Error when the outputs cannot be read; the message says why.
 */
export type ReadFleet = (ask: boolean) => Promise<Fleet>;
