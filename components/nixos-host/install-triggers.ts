/**
 * Whether a machine is installed, or installed again. An installed machine that is off must show no
 * change, and when it does not answer only the state tells that it was installed.
 */
import type { Probe } from "../../deployer/probe.ts";
import { sshTrouble } from "../../deployer/ssh.ts";

export interface PreviousInstall {
  readonly triggers: readonly string[];
  /** The machine was installed. */
  readonly done: boolean;
}

export interface TriggerArgs {
  /** The vendor's id: a different machine needs its own install. */
  readonly machineId: string;
  readonly reinstall?: string | undefined;
  readonly probe: Probe;
  readonly previous: PreviousInstall | undefined;
  /** A new random value. */
  readonly fresh: string;
}

/** The trigger of a machine that shows its own host key although the state has no install of it. */
const PRESENT = "present";

/**
 * A finished install keeps its triggers whether the machine answers or not. They change when the server
 * is a different one, when `reinstall` names a new machine, or when a different host key answers (a
 * server that was given a new disk by hand shows the throw-away key again). An unfinished install is
 * started or resumed by every run.
 */
export function installTriggers({
  machineId,
  reinstall,
  probe,
  previous,
  fresh,
}: TriggerArgs): [string, string] {
  const machine = reinstall === undefined ? machineId : `${machineId} reinstall ${reinstall}`;
  const isUnknownKey = !probe.reached && !probe.garbled && sshTrouble(probe.reason) === "identity";
  const [before, mark] = previous?.triggers ?? [];
  if (previous?.done && before !== undefined && mark !== undefined && !isUnknownKey) {
    // Removing `reinstall` from the inventory changes nothing.
    const same = before === machine || (reinstall === undefined && before.startsWith(`${machineId} `));
    if (same) return [before, mark];
  }
  return [machine, probe.reached ? PRESENT : fresh];
}

/** Whether an earlier run finished the installation that these triggers stand for. */
export const isDone = (triggers: readonly string[], previous: PreviousInstall | undefined): boolean =>
  previous?.done === true && triggers.every((trigger, at) => trigger === previous.triggers[at]);

/** Whether this run wipes the machine that answered the probe, so that its answer no longer holds at the deploy. */
export const isReinstall = (
  reinstall: string | undefined,
  [now]: readonly string[],
  previous?: PreviousInstall,
) => reinstall !== undefined && now !== previous?.triggers[0];
