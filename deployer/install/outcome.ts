/** Outcomes of installations that failed. */
import { messageOf } from "../../lib/message-of.ts";
import { lastLines } from "../../lib/sanitize.ts";
import type { CommandResult } from "../process/runner.ts";
import { commandText, sshHint, sshTrouble } from "../ssh.ts";
import type { InstallContext, MachineState, Outcome } from "./context.ts";
import type { Facts, InstallStep } from "./steps.ts";

export const failed = (phase: string, reason: string, hint?: string): Outcome => ({
  outcome: "failed",
  phase,
  step: phase,
  reason,
  ...(hint !== undefined && { hint }),
});

export function stepFailed(phase: string, step: InstallStep, ran: CommandResult): Outcome {
  const output = lastLines(ran.stderr || ran.stdout);
  const late = ran.timedOut ? `not finished after ${step.timeoutSeconds} s: ` : "";
  return {
    ...failed(phase, `${late}${output || `exit ${ran.exitCode ?? "by a signal"}`}`, step.hint(ran)),
    command: commandText(step.argv),
    ...(ran.exitCode !== null && { exitCode: ran.exitCode }),
  };
}

/** For a machine that did not show the state that was waited for. */
export async function notReached(
  { server }: InstallContext,
  phase: string,
  limitSeconds: number,
  state: Exclude<MachineState, { is: "bootstrap" }>,
): Promise<Outcome> {
  if (state.is === "installed") {
    return failed(phase, `it still runs the installed system after ${limitSeconds} s`);
  }
  const { step, ran } = state;
  const why = lastLines(ran.stderr) || "no answer";
  if (sshTrouble(ran.stderr) === "identity") {
    return failed(
      phase,
      `the machine shows neither its own host key nor the throw-away key of this host; it is not touched\n${why}`,
      sshHint(ran.stderr),
    );
  }
  const power = await server?.status().catch(messageOf);
  if (power === "off") {
    return failed(
      phase,
      "the server is off",
      "power it on in the vendor's console, then run `pulumi up` again",
    );
  }
  const vendor = power === undefined || power === "running" ? "" : `; its state at the vendor: ${power}`;
  const reason = `the machine does not answer after ${limitSeconds} s${vendor}\n${why}`;
  return failed(phase, reason, step.hint(ran));
}

export const systemName = ({ id, variant }: Facts): string => `${id}${variant && ` ${variant}`}`;

export const cameBack = (phase: string, at: Facts): Outcome =>
  failed(
    phase,
    `the machine came back to the old system (${systemName(at)})`,
    "check the vendor's console; the next `pulumi up` resumes",
  );
