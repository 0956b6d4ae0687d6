/** `pantheros exec`: runs a command on many hosts with the caller's own account and key. */
import { type CommandResult, type Runner, stoppableRunner } from "../../deployer/process/runner.ts";
import { sshArgv, sshHint, sshTrouble } from "../../deployer/ssh.ts";
import { selectHosts } from "../../inventory/selection.ts";
import { firstNames } from "../../lib/names.ts";
import { lastLine } from "../../lib/sanitize.ts";
import { Semaphore } from "../../lib/semaphore.ts";
import { EXIT_FAILED, EXIT_OK, UsageError } from "../exit-codes.ts";
import { type LoginOptions, loginOf, loginPeer } from "../stack/login.ts";
import type { StackOptions } from "../stack/name.ts";
import { type OpenStack, openStack } from "../stack/open.ts";
import { cleanText, type ExecResult, execSummary, hasSucceeded, prefixed } from "./report.ts";

export interface ExecOptions extends StackOptions, LoginOptions {
  readonly command: readonly string[];
  /** A selection, as in inventory/selection.ts. */
  readonly on?: string | undefined;
  /** Hosts at the same time. */
  readonly parallel: number;
  /** Seconds until the command is ended on a host. */
  readonly timeout: number;
  readonly json?: boolean;
}

/** Seconds after which the hosts that have not ended yet are printed, for the first time and again. */
const PROGRESS_AFTER_SECONDS = 2;
const PROGRESS_EVERY_SECONDS = 15;

/** ssh's own exit code. A command may end with it too, so its message decides. */
const SSH_FAILED = 255;

/** The end of the command on one host, from the end of ssh. */
export function execResult(name: string, ran: CommandResult): ExecResult {
  const { exitCode, timedOut, stdout, stderr } = ran;
  const isOfSsh = exitCode === SSH_FAILED && sshTrouble(stderr) !== undefined;
  const hint = isOfSsh ? sshHint(stderr) : undefined;
  return {
    name,
    exitCode: isOfSsh ? null : exitCode,
    timedOut,
    stdout: cleanText(stdout),
    stderr: isOfSsh ? "" : cleanText(stderr),
    ...(isOfSsh && { problem: `${lastLine(stderr)}${hint === undefined ? "" : `; ${hint}`}` }),
  };
}

interface RunArgs {
  readonly opened: OpenStack;
  readonly hosts: readonly string[];
  readonly options: ExecOptions;
  readonly run: Runner;
  readonly ended: (result: ExecResult) => void;
}

async function runOnAll({ opened, hosts, options, run, ended }: RunArgs): Promise<ExecResult[]> {
  const login = loginOf(options, process.env);
  const semaphore = new Semaphore(options.parallel);
  const one = async (name: string): Promise<ExecResult> => {
    const peer = loginPeer(opened, name, login);
    if (typeof peer === "string") {
      return { name, exitCode: null, timedOut: false, stdout: "", stderr: "", problem: peer };
    }
    await semaphore.acquire();
    try {
      return execResult(
        name,
        await run({ argv: sshArgv(peer, options.command), timeoutSeconds: options.timeout }),
      );
    } finally {
      semaphore.release();
    }
  };
  return Promise.all(
    hosts.map(async (name) => {
      const result = await one(name);
      ended(result);
      return result;
    }),
  );
}

/** Of one host its command's exit code, of several whether all succeeded. */
function exitCodeOf(results: readonly ExecResult[]): number {
  const [only] = results;
  if (results.length === 1 && only !== undefined) return only.exitCode ?? EXIT_FAILED;
  return results.every(hasSucceeded) ? EXIT_OK : EXIT_FAILED;
}

/** Runs the command on the selected hosts, and returns the exit code. */
export async function exec(options: ExecOptions, root: string): Promise<number> {
  if (options.command.length === 0) throw new UsageError("give the command after --");
  const opened = await openStack(options, root);
  const all = opened.plan.hosts.map(({ name }) => name);
  const hosts = options.on === undefined ? all : selectHosts(options.on, opened.plan.hosts);
  const width = Math.max(0, ...hosts.map((name) => name.length));
  const waiting = new Set(hosts);
  const { run, stop } = stoppableRunner();
  // Ctrl-C ends the connections; sshd then ends what does not ignore that.
  const interrupt = () => {
    stop();
    process.exit(130);
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  const progress = () => process.stderr.write(`waiting for ${firstNames([...waiting])}\n`);
  const first = setTimeout(progress, PROGRESS_AFTER_SECONDS * 1000);
  const timer = setInterval(progress, PROGRESS_EVERY_SECONDS * 1000);
  const ended = (result: ExecResult) => {
    waiting.delete(result.name);
    if (options.json) return;
    const { name, stdout, stderr, problem, timedOut } = result;
    process.stdout.write(prefixed(name, stdout, width));
    process.stderr.write(prefixed(name, stderr, width));
    if (problem !== undefined) process.stderr.write(prefixed(name, `not run: ${problem}\n`, width));
    if (timedOut) process.stderr.write(prefixed(name, `ended after ${options.timeout} s\n`, width));
  };
  const results = await runOnAll({ opened, hosts, options, run, ended }).finally(() => {
    clearTimeout(first);
    clearInterval(timer);
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  });
  if (options.json) {
    const { command } = options;
    const answer = { schemaVersion: 1, stack: opened.stack.full, command, hosts: results };
    process.stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`);
  } else if (results.length > 1) {
    process.stderr.write(`${execSummary(results)}\n`);
  }
  return exitCodeOf(results);
}
