/**
 * Whether a machine is installed, once more or at all. A machine that was installed stays installed while it is off, so its
 * resource must show no change then; nothing but the state knows that when nobody answers.
 */
import type { Probe } from "../../deployer/probe.ts";
import { sshTrouble } from "../../deployer/ssh.ts";

export interface PreviousInstall {
  readonly triggers: readonly string[];
  /** It ended with a machine that is installed. */
  readonly done: boolean;
}

export interface TriggerArgs {
  /** The vendor's id: another machine is another install. */
  readonly machineId: string;
  readonly reinstall?: string | undefined;
  readonly probe: Probe;
  readonly previous: PreviousInstall | undefined;
  /** A value nobody has seen before. */
  readonly fresh: string;
}

/** The trigger of a machine that answers with its own key although the state knows of no install. */
const PRESENT = "present";

/**
 * An install that is done is done, whether the machine answers or not; it is looked at again when the server is another one,
 * when `reinstall` names a machine that it did not name before, or when something answers with another host key (a server that
 * was given a new disk by hand shows the throw-away key again). One that was never done is begun, or resumed, by every run.
 */
export function installTriggers({
  machineId,
  reinstall,
  probe,
  previous,
  fresh,
}: TriggerArgs): [string, string] {
  const named = reinstall === undefined ? machineId : `${machineId} reinstall ${reinstall}`;
  const stranger = !probe.reached && !probe.garbled && sshTrouble(probe.reason) === "identity";
  const [before, mark] = previous?.triggers ?? [];
  if (previous?.done && before !== undefined && mark !== undefined && !stranger) {
    // A `reinstall` that was taken out of the inventory changes nothing.
    const same = before === named || (reinstall === undefined && before.startsWith(`${machineId} `));
    if (same) return [before, mark];
  }
  return [named, probe.reached ? PRESENT : fresh];
}

/** Whether the machine that answered the probe will be another system when its deploy begins. */
export const isReinstall = (
  reinstall: string | undefined,
  [now]: readonly string[],
  previous?: PreviousInstall,
) => reinstall !== undefined && now !== previous?.triggers[0];
