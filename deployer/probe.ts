/** Reads the supervisor's status of a host over one bounded connection, in preview and up alike. */

import { DEFAULT_SECONDS } from "../inventory/seconds.ts";
import { lastLines, oneLine } from "../lib/sanitize.ts";
import { Semaphore } from "../lib/semaphore.ts";
import { LOGIN_TEXT_HINT, loginHint } from "./login.ts";
import { runQuery } from "./process/child.ts";
import { MAX_ANSWER_BYTES, readAnswer, TOO_LONG } from "./protocol/answer.ts";
import type { DeployOutcome } from "./protocol/result.ts";
import { type SupervisorStatus, supervisorStatus, verbWords } from "./protocol/supervisor.ts";
import { type SshJump, type SshPeer, shellWord, sshHint, sshScriptArgv, sshTrouble } from "./ssh.ts";

export type Probe =
  | {
      readonly reached: true;
      readonly user: string;
      readonly status: SupervisorStatus;
      /** The former port, when the host answered there (ProbeArgs.formerPort). */
      readonly port?: number;
      /** How the last deploy ended according to the state, when it did not succeed. The host may not know of it. */
      readonly unfinished?: DeployOutcome;
    }
  | {
      readonly reached: false;
      readonly reason: string;
      readonly hint?: string | undefined;
      /** The host answered, but not with a valid status. */
      readonly garbled?: true;
    };

/** The result while probing is off. */
export const NOT_PROBED: Extract<Probe, { reached: false }> = { reached: false, reason: "not asked" };

/** Whether the host has a supervisor and a deploy user. A host that does not answer counts as managed. */
export const isManaged = (probe: Probe): boolean => !(probe.reached && probe.status.version === 0);

export interface ProbeArgs {
  readonly host: string;
  readonly address: string;
  readonly port?: number | undefined;
  /** Tried when nothing answers at `port`: sshd may still listen there. */
  readonly formerPort?: number | undefined;
  /** Jump hosts on the way, from the runner on. */
  readonly jumps?: readonly SshJump[] | undefined;
  /** The deploy user, tried first. */
  readonly user: string;
  /** Pinned public host key, `TYPE BASE64`. */
  readonly hostKey: string;
  /** The wanted system. A host that runs a different one also reports its units. */
  readonly outPath?: string | undefined;
  /** The host may be unmanaged (adopted or just created): root is tried after the deploy user. */
  readonly maybeUnmanaged: boolean;
  readonly identity?: string | undefined;
  /** Limits of the connection and of the whole probe. */
  readonly connectSeconds?: number | undefined;
  readonly timeoutSeconds?: number | undefined;
}

/** Prints a status of version 0 on a NixOS machine without a supervisor, as root. */
const unmanagedStatus = [
  'l() { readlink "$1" 2>/dev/null; }',
  'q() { if [ -n "$1" ]; then printf \'"%s"\' "$1"; else printf null; fi; }',
  "p=/nix/var/nix/profiles",
  `printf '{"version":0,"system":%s,"booted":%s,"profile":%s,"bootDefault":null,"generation":null,"bootId":%s,"machineId":%s,"token":null,"confirmed":false,"phase":"idle","kernel":%s}\\n'` +
    ' "$(q "$(l /run/current-system)")" "$(q "$(l /run/booted-system)")" "$(q "$(l "$p/$(l $p/system)")")"' +
    ' "$(q "$(cat /proc/sys/kernel/random/boot_id)")" "$(q "$(cat /etc/machine-id 2>/dev/null)")" "$(q "$(l /run/current-system/kernel)")"',
].join("; ");

/** One bounded connection as `login`. As root the machine may have no supervisor. */
export function probeArgv(args: ProbeArgs, login: string): string[] {
  const { host, address, port, jumps, identity, connectSeconds } = args;
  const pinned = { key: args.hostKey };
  const peer: SshPeer = {
    host,
    address,
    port,
    jumps,
    user: login,
    pinned,
    identity,
    connectSeconds,
    carriesNoSecret: true,
  };
  const words = verbWords(login, args.outPath === undefined ? ["status"] : ["status", args.outPath]);
  const verb = words.map(shellWord).join(" ");
  if (login !== "root") return sshScriptArgv(peer, verb);
  return sshScriptArgv(peer, `if [ -x ${words[0]} ]; then ${verb}; else ${unmanagedStatus}; fi`);
}

const garbled = (reason: string): Probe => ({ reached: false, reason, garbled: true });

/** Parses the last line that is an object; undefined when there is none. */
export function readProbe(login: string, stdout: string): Probe | undefined {
  const answer = readAnswer(supervisorStatus, stdout);
  if (answer === undefined) return undefined;
  if ("problem" in answer) return garbled(`the host's answer is not a status: ${answer.problem}`);
  // Version 0 makes later steps use root without a supervisor's checks, so only root's shell may report it.
  if (answer.value.version === 0 && login !== "root") {
    return garbled("the host's answer is not a status: version: 0 from a supervisor");
  }
  return { reached: true, user: login, status: answer.value };
}

const NO_ANSWER = "no answer in time";

/**
 * The result of a login that was accepted but printed something other than a status.
 * @param stderr the stderr of the login
 */
function noStatus(login: string, text: string, stderr: string, timedOut: boolean): Probe {
  const printed = `the login as ${login} printed "${text}" instead of a status${stderr === "" ? "" : `: ${stderr}`}`;
  const reason = timedOut ? `${NO_ANSWER}; ${printed}` : printed;
  return { reached: false, reason, hint: loginHint(`${text}\n${stderr}`) ?? LOGIN_TEXT_HINT };
}

function unreached(stderr: string): Probe {
  const reason = stderr === "" ? NO_ANSWER : stderr;
  const hint = loginHint(stderr) ?? sshHint(stderr);
  return hint === undefined ? { reached: false, reason } : { reached: false, reason, hint };
}

/**
 * Probes a host over one connection, or over two when it may be unmanaged. If nothing answers and
 * the host has a former port, that port is tried in the same way. A host that does not answer is a
 * result, not an error.
 */
export async function probeHost({ formerPort, ...args }: ProbeArgs): Promise<Probe> {
  const found = await probePort(args);
  if (formerPort === undefined || !isSilent(found)) return found;
  const former = await probePort({ ...args, port: formerPort });
  return former.reached ? { ...former, port: formerPort } : found;
}

async function probePort(args: Omit<ProbeArgs, "formerPort">): Promise<Probe> {
  let stderr = "";
  let printed: Probe | undefined;
  for (const login of args.maybeUnmanaged ? [args.user, "root"] : [args.user]) {
    const { jumps = [], connectSeconds = DEFAULT_SECONDS.connect } = args;
    const timeoutSeconds = (args.timeoutSeconds ?? DEFAULT_SECONDS.probe) + connectSeconds * jumps.length;
    const ran = await runQuery({
      argv: probeArgv(args, login),
      timeoutSeconds,
      maxOutputBytes: MAX_ANSWER_BYTES,
    });
    if (ran.tooLong) return garbled(TOO_LONG);
    const found = readProbe(login, ran.stdout);
    // An answer that was cut by the timeout does not count.
    if (found !== undefined && (found.reached || !ran.timedOut)) return found;
    const own = lastLines(ran.stderr, 3);
    // The message of an accepted login explains more than the refusal of the other login.
    stderr = loginHint(own) === undefined ? stderr || own : own;
    const text = oneLine(ran.stdout, 100);
    if (text !== "") printed ??= noStatus(login, text, own, ran.timedOut);
  }
  return printed ?? unreached(stderr);
}

/** Probes at the same time. Each is an ssh of about 8 MB, and more in parallel are not faster. */
const semaphore = new Semaphore(16);

/** Probes a host when the semaphore is free. */
export async function probe(args: ProbeArgs): Promise<Probe> {
  await semaphore.acquire();
  try {
    return await probeHost(args);
  } finally {
    semaphore.release();
  }
}

/** Milliseconds between two probes of a machine that boots. */
const BOOT_POLL_MS = 2000;

/** Whether no connection was made. Other errors of ssh, such as a different host key, are answers of the machine. */
const isSilent = (found: Probe): boolean => {
  if (found.reached || found.garbled) return false;
  return found.reason === NO_ANSWER || sshTrouble(found.reason) === "transport";
};

/** Probes a machine that boots until it answers, for at most `seconds`. */
export async function probeUntilReached(args: ProbeArgs, seconds: number): Promise<Probe> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const found = await probe(args);
    if (!isSilent(found) || performance.now() >= deadline) return found;
    await new Promise((resume) => setTimeout(resume, BOOT_POLL_MS));
  }
}
