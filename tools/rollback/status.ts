/** Reads what a host runs and what it ran before: its supervisor's status, over one SSH connection with a time limit. */

import { runProcess } from "../../deployer/process/runner.ts";
import { MAX_ANSWER_BYTES, readAnswer, TOO_LONG } from "../../deployer/protocol/answer.ts";
import { supervisorStatus, verbArgv } from "../../deployer/protocol/supervisor.ts";
import { SSH_HINTS, type SshPeer, sshTrouble } from "../../deployer/ssh.ts";
import type { Plan } from "../../inventory/plan.ts";
import { entryOf } from "../../lib/entry-of.ts";
import { lastLine } from "../../lib/sanitize.ts";
import type { StackOutputs } from "../../outputs/contract.ts";
import type { Settings } from "../../settings/settings.ts";
import type { Answer } from "./decide.ts";

/** How a deploy connects to the host; a string: why that is unknown. */
export function peerOf(
  plan: Plan,
  settings: Settings,
  outputs: StackOutputs | undefined,
  name: string,
): SshPeer | string {
  const host = plan.hosts.find((each) => each.name === name);
  const published = entryOf(outputs?.hosts ?? {}, name);
  if (host === undefined || published?.hostKey === undefined) return "the stack has never deployed it";
  const { deploy, tailnet } = plan.inventory;
  const { provider } = host;
  const own =
    provider.kind === "existing" ? (entryOf(settings.addresses, name) ?? provider.address) : undefined;
  const tailnetName = tailnet && `${name}.${tailnet.suffix}`;
  const address =
    deploy.address === "tailnet" && tailnetName !== undefined
      ? tailnetName
      : (own ?? published.addresses.ipv4 ?? published.addresses.ipv6 ?? tailnetName);
  if (address === undefined) return "its address is unknown";
  return {
    host: name,
    address,
    user: deploy.user,
    pinned: { key: published.hostKey },
    ...(provider.kind === "existing" && { port: provider.sshPort }),
    identity: settings.sshKey,
    connectSeconds: deploy.seconds.connect,
  };
}

export async function fetchStatus(peer: SshPeer | string, timeoutSeconds: number): Promise<Answer> {
  if (typeof peer === "string") return { reached: false, reason: peer };
  const argv = verbArgv(peer, ["status"]);
  const result = await runProcess({ argv, timeoutSeconds, maxOutputBytes: MAX_ANSWER_BYTES });
  if (result.tooLong) return { reached: false, reason: TOO_LONG };
  const answer = readAnswer(supervisorStatus, result.stdout);
  if (answer !== undefined && "value" in answer) return { reached: true, status: answer.value };
  if (answer !== undefined && !result.timedOut) {
    return { reached: false, reason: `its answer is not a valid status: ${answer.problem}` };
  }
  const trouble = sshTrouble(result.stderr);
  return {
    reached: false,
    reason: result.timedOut
      ? `no answer within ${timeoutSeconds} s`
      : lastLine(result.stderr) || `exit code ${result.exitCode}`,
    ...(trouble !== undefined && { hint: SSH_HINTS[trouble] }),
  };
}
