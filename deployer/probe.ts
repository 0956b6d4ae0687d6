/** What a host is now: the supervisor's status over one bounded connection, in preview and up alike. */

import { DEFAULT_SECONDS } from "../inventory/seconds.ts";
import { lastLines } from "../lib/sanitize.ts";
import { Semaphore } from "../lib/semaphore.ts";
import { runQuery } from "./process/child.ts";
import { MAX_ANSWER_BYTES, readAnswer, TOO_LONG } from "./protocol/answer.ts";
import type { DeployOutcome } from "./protocol/result.ts";
import { type SupervisorStatus, supervisorStatus, verbWords } from "./protocol/supervisor.ts";
import { SSH_HINTS, shellWord, sshScriptArgv, sshTrouble } from "./ssh.ts";

export type Probe =
  | {
      readonly reached: true;
      readonly user: string;
      readonly status: SupervisorStatus;
      /** How the last deploy to it ended, where the state says other than well. The host need not know of it. */
      readonly unfinished?: DeployOutcome;
    }
  | {
      readonly reached: false;
      readonly reason: string;
      readonly hint?: string | undefined;
      /** It did answer, and nothing that can be used. */
      readonly garbled?: true;
    };

/** With probing off. */
export const NOT_PROBED: Extract<Probe, { reached: false }> = { reached: false, reason: "not asked" };

/** Whether it has a supervisor, and so a deploy user. One that does not answer is taken for managed. */
export const isManaged = (probe: Probe): boolean => !(probe.reached && probe.status.version === 0);

export interface ProbeArgs {
  readonly host: string;
  readonly address: string;
  readonly port?: number | undefined;
  /** The deploy user, tried first. */
  readonly user: string;
  /** The pinned public host key, `TYPE BASE64`. */
  readonly hostKey: string;
  /** A system: a host that runs another one also tells its units. */
  readonly outPath?: string | undefined;
  /** The host may never have been managed (it is adopted, or just created): root is tried after the deploy user. */
  readonly maybeUnmanaged: boolean;
  readonly identity?: string | undefined;
  /** Limits of the connection and of the whole probe. */
  readonly connectSeconds?: number | undefined;
  readonly timeoutSeconds?: number | undefined;
}

/** What root reads on a NixOS machine without a supervisor: the same facts, as version 0. */
const unmanagedStatus = [
  'l() { readlink "$1" 2>/dev/null; }',
  'q() { if [ -n "$1" ]; then printf \'"%s"\' "$1"; else printf null; fi; }',
  "p=/nix/var/nix/profiles",
  `printf '{"version":0,"system":%s,"booted":%s,"profile":%s,"bootDefault":null,"generation":null,"bootId":%s,"machineId":%s,"token":null,"confirmed":false,"phase":"idle","kernel":%s}\\n'` +
    ' "$(q "$(l /run/current-system)")" "$(q "$(l /run/booted-system)")" "$(q "$(l "$p/$(l $p/system)")")"' +
    ' "$(q "$(cat /proc/sys/kernel/random/boot_id)")" "$(q "$(cat /etc/machine-id 2>/dev/null)")" "$(q "$(l /run/current-system/kernel)")"',
].join("; ");

/** The question as `login`: one bounded connection. Root may find a machine without a supervisor. */
export function probeArgv(args: ProbeArgs, login: string): string[] {
  const { host, address, port, identity, connectSeconds } = args;
  const pinned = { key: args.hostKey };
  const peer = { host, address, port, user: login, pinned, identity, connectSeconds, nothingSecret: true };
  const words = verbWords(login, args.outPath === undefined ? ["status"] : ["status", args.outPath]);
  const verb = words.map(shellWord).join(" ");
  if (login !== "root") return sshScriptArgv(peer, verb);
  return sshScriptArgv(peer, `if [ -x ${words[0]} ]; then ${verb}; else ${unmanagedStatus}; fi`);
}

const garbled = (reason: string): Probe => ({ reached: false, reason, garbled: true });

/** The last line that is an object is the status; undefined: none came. */
export function readProbe(login: string, stdout: string): Probe | undefined {
  const answer = readAnswer(supervisorStatus, stdout);
  if (answer === undefined) return undefined;
  if ("problem" in answer) return garbled(`the host's answer is not a status: ${answer.problem}`);
  // Version 0 has root's shell reach a machine without the checks that a supervisor makes: only that shell says it.
  if (answer.value.version === 0 && login !== "root") {
    return garbled("the host's answer is not a status: version: 0 from a supervisor");
  }
  return { reached: true, user: login, status: answer.value };
}

const NO_ANSWER = "no answer in time";

function unreached(said: string): Probe {
  const reason = said === "" ? NO_ANSWER : said;
  const trouble = sshTrouble(said);
  return trouble === undefined
    ? { reached: false, reason }
    : { reached: false, reason, hint: SSH_HINTS[trouble] };
}

/**
 * What a host is now, over one connection; two where it may never have been managed. A host that does not answer is a finding and no
 * failure.
 */
export async function probeHost(args: ProbeArgs): Promise<Probe> {
  let said = "";
  for (const login of args.maybeUnmanaged ? [args.user, "root"] : [args.user]) {
    const timeoutSeconds = args.timeoutSeconds ?? DEFAULT_SECONDS.probe;
    const ran = await runQuery({
      argv: probeArgv(args, login),
      timeoutSeconds,
      maxOutputBytes: MAX_ANSWER_BYTES,
    });
    if (ran.tooLong) return garbled(TOO_LONG);
    const found = readProbe(login, ran.stdout);
    // An answer that was not finished in time is none.
    if (found !== undefined && (found.reached || !ran.timedOut)) return found;
    said ||= lastLines(ran.stderr, 3);
  }
  return unreached(said);
}

/** Probes under way at once. Each is an ssh of some 8 MB, and no computer is faster for a hundred. */
const slots = new Semaphore(16);

/** All of a stack's run beside each other, as many as there are slots. */
export async function probe(args: ProbeArgs): Promise<Probe> {
  await slots.acquire();
  try {
    return await probeHost(args);
  } finally {
    slots.release();
  }
}

/** Milliseconds between two questions to a machine that boots. */
const BOOT_POLL_MS = 2000;

/** The connection was not made; anything else that ssh says is an answer of the machine, such as another host key. */
const isSilent = (found: Probe): boolean => {
  if (found.reached || found.garbled) return false;
  return found.reason === NO_ANSWER || sshTrouble(found.reason) === "transport";
};

/** The same for a machine that boots: it is asked until it answers, for at most `seconds`. */
export async function probeUntilReached(args: ProbeArgs, seconds: number): Promise<Probe> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const found = await probe(args);
    if (!isSilent(found) || performance.now() >= deadline) return found;
    await new Promise((resume) => setTimeout(resume, BOOT_POLL_MS));
  }
}
