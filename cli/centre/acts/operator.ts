/** Calls `pantheros-operator` on a host (nix/modules/deployment/operator/) with the key of a role. */
import type { ProbeArgs } from "../../../deployer/probe.ts";
import { runQuery } from "../../../deployer/process/child.ts";
import { MAX_ANSWER_BYTES } from "../../../deployer/protocol/answer.ts";
import { sshArgv, sshHint } from "../../../deployer/ssh.ts";
import { lastLines } from "../../../lib/sanitize.ts";

/** The account on hosts; nix/lib/operators.nix makes it. */
const OPERATOR = "pantheros-operator";

export interface OperatorAnswer {
  readonly exitCode: number | null;
  readonly stdout: string;
  /** Why there is no answer of the program; undefined when there is one. */
  readonly trouble?: string;
}

/** Sends one verb to one host. Tests replace it. */
export type CallOperator = (words: readonly string[], timeoutSeconds: number) => Promise<OperatorAnswer>;

/**
 * @param host its address and pinned key, as for a probe
 * @param identity file of the role's private key; the host knows the role by it
 */
export const operatorArgv = (host: ProbeArgs, identity: string, words: readonly string[]): string[] =>
  sshArgv(
    {
      host: host.host,
      address: host.address,
      port: host.port,
      user: OPERATOR,
      pinned: { key: host.hostKey },
      identity,
      connectSeconds: host.connectSeconds,
      carriesNoSecret: true,
    },
    words,
  );

/** @throws Error when the host is behind a jump host, which has no account for operators */
export function operatorOf(host: ProbeArgs, identity: string): CallOperator {
  if (host.jumps !== undefined && host.jumps.length > 0)
    throw new Error(
      `${host.host} is behind the jump host ${host.jumps[0]?.host}, and an operator's key may not forward connections: use \`tools/pantheros rollback\``,
    );
  return async (words, timeoutSeconds) => {
    const argv = operatorArgv(host, identity, words);
    const { exitCode, stdout, stderr, timedOut, tooLong } = await runQuery({
      argv,
      timeoutSeconds,
      maxOutputBytes: MAX_ANSWER_BYTES,
    });
    if (tooLong) return { exitCode, stdout: "", trouble: "the host's answer is longer than 1 MiB" };
    if (timedOut) return { exitCode, stdout, trouble: `no answer within ${timeoutSeconds} s` };
    // 255 is ssh's own.
    if (exitCode !== 255 && exitCode !== null) return { exitCode, stdout };
    const hint = sshHint(stderr);
    const reason = lastLines(stderr, 3) || "ssh ended without an answer";
    return { exitCode, stdout, trouble: hint === undefined ? reason : `${reason} (${hint})` };
  };
}
