/** What an installation that did not come to its end is told as. */

import { lastLines } from "../../lib/sanitize.ts";
import type { CommandResult } from "../process/runner.ts";
import { commandText, SSH_HINTS, sshTrouble } from "../ssh.ts";
import type { MachineState } from "./detect.ts";
import type { InstallTools, Outcome } from "./install.ts";
import type { Facts, InstallStep } from "./steps.ts";

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function failed(phase: string, reason: string, more: { hint?: string } = {}): Outcome {
  return { outcome: "failed", phase, step: phase, reason, ...more };
}

export function stepFailed(phase: string, step: InstallStep, ran: CommandResult): Outcome {
  const said = lastLines(ran.stderr || ran.stdout);
  const late = ran.timedOut ? `not finished after ${step.timeoutSeconds} s: ` : "";
  const hint = step.hint(ran);
  return {
    ...failed(
      phase,
      `${late}${said || `exit ${ran.exitCode ?? "by a signal"}`}`,
      hint === undefined ? {} : { hint },
    ),
    command: commandText(step.argv),
    ...(ran.exitCode === null ? {} : { exitCode: ran.exitCode }),
  };
}

export async function notAnswering(
  phase: string,
  limit: number,
  seen: Exclude<MachineState, { is: "bootstrap" }>,
  { server }: InstallTools,
): Promise<Outcome> {
  if (seen.is === "installed") return failed(phase, `it still runs what was installed after ${limit} s`);
  const { step, ran } = seen;
  const why = lastLines(ran.stderr) || "no answer";
  if (sshTrouble(ran.stderr) === "identity") {
    return failed(
      phase,
      `the machine shows neither its own host key nor the throw-away one of its creation: it is not ours to wipe\n${why}`,
      { hint: SSH_HINTS.identity },
    );
  }
  const status = await server?.status().catch(messageOf);
  if (status === "off") {
    return failed(phase, "the server is off", {
      hint: "switch it on in the vendor's console; the next `pulumi up` goes on",
    });
  }
  const vendor = status === undefined || status === "running" ? "" : `; the vendor says: ${status}`;
  const hint = step.hint(ran);
  return failed(
    phase,
    `the machine does not answer after ${limit} s${vendor}\n${why}`,
    hint === undefined ? {} : { hint },
  );
}

export const systemName = ({ id, variant }: Facts): string => `${id}${variant && ` ${variant}`}`;

export const cameBack = (phase: string, at: Facts): Outcome =>
  failed(phase, `the machine came back to the old system (${systemName(at)})`, {
    hint: "look at the vendor's console; the next `pulumi up` resumes",
  });
