/** Asks a host what it runs and what it ran before: the supervisor's status over one bounded, checked connection. */

import { runProcess } from "../../deployer/process/runner.ts";
import { MAX_ANSWER_BYTES, readAnswer, TOO_LONG } from "../../deployer/protocol/answer.ts";
import { supervisorStatus, verbArgv } from "../../deployer/protocol/supervisor.ts";
import { SSH_HINTS, type SshPeer, sshTrouble } from "../../deployer/ssh.ts";
import type { Plan } from "../../inventory/plan.ts";
import { lastLine } from "../../lib/sanitize.ts";
import type { StackOutputs } from "../../outputs/contract.ts";
import type { Settings } from "../../settings/settings.ts";
import type { Answer } from "./decide.ts";

/** How the deploy reaches the host; text: why it is not known. */
export function peerOf(
  plan: Plan,
  settings: Settings,
  outputs: StackOutputs | undefined,
  name: string,
): SshPeer | string {
  const host = plan.hosts.find((each) => each.name === name);
  const published = outputs?.hosts[name];
  if (host === undefined || published?.hostKey === undefined) return "the stack has never deployed it";
  const { deploy, tailnet } = plan.inventory;
  const { provider } = host;
  const own = provider.kind === "existing" ? (settings.addresses[name] ?? provider.address) : undefined;
  const tailnetName = tailnet && `${name}.${tailnet.suffix}`;
  const address =
    deploy.address === "tailnet" && tailnetName !== undefined
      ? tailnetName
      : (own ?? published.addresses.ipv4 ?? published.addresses.ipv6 ?? tailnetName);
  if (address === undefined) return "no address of it is known";
  return {
    ...{ host: name, address, user: deploy.user, pinned: { key: published.hostKey } },
    ...(provider.kind === "existing" && { port: provider.sshPort }),
    identity: settings.sshKey,
    connectSeconds: deploy.seconds.connect,
  };
}

export async function ask(peer: SshPeer | string, timeoutSeconds: number): Promise<Answer> {
  if (typeof peer === "string") return { reached: false, reason: peer };
  const argv = verbArgv(peer, ["status"]);
  const ran = await runProcess({ argv, timeoutSeconds, maxOutputBytes: MAX_ANSWER_BYTES });
  if (ran.tooLong) return { reached: false, reason: TOO_LONG };
  const answer = readAnswer(supervisorStatus, ran.stdout);
  if (answer !== undefined && "value" in answer) return { reached: true, status: answer.value };
  if (answer !== undefined && !ran.timedOut) {
    return { reached: false, reason: `its answer is not a status: ${answer.problem}` };
  }
  const trouble = sshTrouble(ran.stderr);
  const said = lastLine(ran.stderr);
  return {
    reached: false,
    reason: ran.timedOut
      ? `no answer within ${timeoutSeconds} s`
      : said || `exit ${ran.exitCode ?? "by a signal"}`,
    ...(trouble !== undefined && { hint: SSH_HINTS[trouble] }),
  };
}
