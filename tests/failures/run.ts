import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listProcesses } from "../../sandbox/machines/namespace-processes.ts";
import { type Finished, finish } from "../sandbox/sandbox.ts";

export { expectSuccess } from "../sandbox/sandbox.ts";

/** Milliseconds of one test: a row has several runs of Pulumi, and a busy computer is slow. */
export const ROW_TIMEOUT_MS = 10 * 60_000;

/** A running `pulumi up`; `prefix` comes before its command, `options` after it. */
export class Run {
  readonly end: Promise<Finished>;
  readonly #child: ChildProcess;
  #ended: Finished | undefined;

  constructor(
    environment: NodeJS.ProcessEnv,
    prefix: readonly string[] = [],
    options: readonly string[] = [],
  ) {
    const up = ["tools/pulumi", "up", "--yes", "--skip-preview", "--color", "never", "--stack", "sandbox"];
    const [program = "", ...argv] = [...prefix, ...up, ...options];
    this.#child = spawn(program, argv, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk) => {
        output += String(chunk);
      });
    }
    const bound = setTimeout(() => this.kill(), ROW_TIMEOUT_MS - 60_000);
    this.end = new Promise((done) => {
      this.#child.on("close", (code) => {
        clearTimeout(bound);
        this.#ended = { code: code ?? -1, output };
        done(this.#ended);
      });
    });
  }

  ended(): Finished | undefined {
    return this.#ended;
  }

  /** Kills the runner and its children at once, as a power cut would. */
  kill(): void {
    this.#kill(this.#own());
  }

  /** Kills only the stack's program, as a failing resource would; the engine finishes what is under way. */
  killProgram(): void {
    const isProgram = (pid: number) =>
      readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("@pulumi/pulumi/cmd/run");
    const programs = this.#own().filter(isProgram);
    expect(programs).toHaveLength(1);
    this.#kill(programs);
  }

  #own(): number[] {
    const everything = listProcesses();
    const own = new Set([this.#child.pid ?? -1]);
    for (let before = 0; before !== own.size; ) {
      before = own.size;
      for (const { pid, parent } of everything) if (own.has(parent)) own.add(pid);
    }
    return [...own];
  }

  #kill(pids: readonly number[]): void {
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // it has ended already
      }
    }
  }
}

/**
 * A command prefix for a runner whose ssh is configured to share connections. ssh takes its user's home
 * from the accounts and not from HOME, so this configuration is mounted over root's.
 */
export async function multiplexing(directory: string): Promise<readonly string[]> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const config = `Host *\n  ControlMaster auto\n  ControlPersist 600\n  ControlPath ${directory}/%C\n`;
  writeFileSync(join(directory, "config"), config, { mode: 0o600 });
  const script = 'mkdir -p /root/.ssh; mount --bind "$1" /root/.ssh; shift; exec "$@"';
  const prefix = ["unshare", "--mount", "sh", "-ec", script, "sh", directory];
  const settings = await finish([...prefix, "ssh", "-G", "198.51.100.20"], 20);
  expect(settings.output).toMatch(/^controlmaster auto$/m);
  return prefix;
}

/** The run failed and printed the verdict's line and each of `more`. */
export function expectReported(ran: Finished, line: string, ...more: readonly (string | RegExp)[]): void {
  expect(ran.code).not.toBe(0);
  expect(ran.code).not.toBe(-1);
  expect(ran.output).toContain(line);
  for (const text of more) expect(ran.output).toMatch(text);
}

const summary = /^( *)([a-z][a-z0-9-]*): (confirmed|rolled-back|held|offline|failed|staged)\b/;

/** The verdict's summary line of each host, and the lines below it. */
export function summaries(output: string): Map<string, string[]> {
  const lines = output.split("\n");
  const head = lines.findLastIndex((line) => /hosts not converged|required hosts?\b/.test(line));
  // Reasons, such as "error: failed to …", are indented deeper than the hosts' lines.
  const margin = /^ */.exec(lines[head] ?? "")?.[0];
  const hosts = new Map<string, string[]>();
  let own: string[] = [];
  for (const line of head < 0 ? [] : lines.slice(head + 1)) {
    const [, indent, host = ""] = summary.exec(line) ?? [];
    if (indent !== undefined && indent === margin) {
      own = [];
      // A second line of the same host is kept, so that the count shows it.
      hosts.set(hosts.has(host) ? `${host} again` : host, own);
    } else if (line.trim() === "" || /^\S/.test(line)) own = [];
    own.push(line);
  }
  return hosts;
}
