/** Which machine answers at the address of a host that is being installed, and waiting for one. */

import type { CommandResult } from "../process/runner.ts";
import { parseLine } from "../protocol/answer.ts";
import { type SupervisorStatus, supervisorStatus } from "../protocol/supervisor.ts";
import { sshTrouble } from "../ssh.ts";
import type { InstallTools } from "./install.ts";
import type { InstallSpec } from "./spec.ts";
import { type Facts, facts, type InstallStep, lookBootstrap, statusStep } from "./steps.ts";

/** Milliseconds between two looks at a machine that does not answer yet. */
const lookMs = 2000;

/** Which of the two machines answers: the one that was created, or the one that was installed. */
export type MachineState =
  | { readonly is: "installed"; readonly status: SupervisorStatus }
  | { readonly is: "bootstrap"; readonly facts: Facts }
  | { readonly is: "nobody"; readonly step: InstallStep; readonly ran: CommandResult };

export async function look(spec: InstallSpec, tools: InstallTools): Promise<MachineState> {
  const own = statusStep(spec, tools.files);
  const asked = await tools.run(own);
  const status = parseLine(supervisorStatus, asked.stdout);
  if (status !== undefined) return { is: "installed", status };
  // Another key than its own: is it the throw-away one? Any other trouble would be the same again.
  if (sshTrouble(asked.stderr) !== "identity") return { is: "nobody", step: own, ran: asked };
  const fresh = lookBootstrap(spec, tools.files);
  const answered = await tools.run(fresh);
  const found = parseLine(facts, answered.stdout);
  return found === undefined
    ? { is: "nobody", step: fresh, ran: answered }
    : { is: "bootstrap", facts: found };
}

export async function waitFor(
  spec: InstallSpec,
  tools: InstallTools,
  limitSeconds: number,
  enough: (seen: MachineState) => boolean,
): Promise<MachineState> {
  const deadline = tools.now() + limitSeconds * 1000;
  for (;;) {
    const seen = await look(spec, tools);
    if (enough(seen) || tools.now() >= deadline) return seen;
    await tools.sleep(lookMs);
  }
}

/** Waits for the machine; a server that is off is not waited for. */
export async function boot(
  spec: InstallSpec,
  tools: InstallTools,
  enough: (seen: MachineState) => boolean,
): Promise<MachineState> {
  const first = await look(spec, tools);
  if (enough(first)) return first;
  const status = await tools.server?.status().catch(() => undefined);
  return status === "off" ? first : waitFor(spec, tools, spec.seconds.boot, enough);
}
