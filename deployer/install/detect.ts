/** Detects which system answers at the address of a host that is being installed, and waits for one. */
import { SSH_PORT } from "../../inventory/primitives.ts";
import { parseLine } from "../protocol/answer.ts";
import { supervisorStatus } from "../protocol/supervisor.ts";
import { sshTrouble } from "../ssh.ts";
import type { InstallContext, MachineState } from "./context.ts";
import { bootstrapFactsStep, facts, statusStep } from "./steps.ts";

/** Milliseconds between two attempts to reach a machine. */
const POLL_MS = 2000;

export async function detect({ spec, files, run }: InstallContext): Promise<MachineState> {
  const own = statusStep(spec, files);
  const asOwn = await run(own);
  const status = parseLine(supervisorStatus, asOwn.stdout);
  if (status !== undefined) return { is: "installed", status };
  // A second connection checks for the throw-away key. It is needed when this one showed a
  // different key, or used another port than 22, at which the created machine and the installer
  // listen.
  const isElsewhere = spec.port !== SSH_PORT;
  if (sshTrouble(asOwn.stderr) !== "identity" && !isElsewhere) return { is: "silent", step: own, ran: asOwn };
  const fresh = bootstrapFactsStep(spec, files);
  const asFresh = await run(fresh);
  const found = parseLine(facts, asFresh.stdout);
  return found === undefined
    ? { is: "silent", step: fresh, ran: asFresh }
    : { is: "bootstrap", facts: found };
}

/** Returns the first state that is `enough`, or the last one when the limit has passed. */
export async function waitFor(
  context: InstallContext,
  limitSeconds: number,
  enough: (state: MachineState) => boolean,
): Promise<MachineState> {
  const { now, sleep } = context;
  const deadline = now() + limitSeconds * 1000;
  for (;;) {
    const state = await detect(context);
    if (enough(state) || now() >= deadline) return state;
    await sleep(POLL_MS);
  }
}

/** Waits for a machine to boot, but not for a server that is off. */
export async function waitForBoot(
  context: InstallContext,
  enough: (state: MachineState) => boolean,
): Promise<MachineState> {
  const first = await detect(context);
  if (enough(first)) return first;
  const power = await context.server?.status().catch(() => undefined);
  return power === "off" ? first : waitFor(context, context.spec.seconds.boot, enough);
}
