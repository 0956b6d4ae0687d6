/** How the control centre gets what it shows. */
import type { FleetFacts } from "../status/detail.ts";

/**
 * Reads a fleet.
 * @param ask true: connects to the hosts. False: the outputs of the last run only, without a wait.
 * @throws Error when the outputs cannot be read; the message says why.
 */
export type ReadFleet = (ask: boolean) => Promise<FleetFacts>;
