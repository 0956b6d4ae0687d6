/** Runs measured programs, with a timeout and in their own process groups, so that an interruption leaves none. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  /** stdout and stderr in the order of their arrival. */
  readonly output: string;
  readonly seconds: number;
  /**
   * Processor seconds of the whole computer during the run, hosts included. The program's own would lack those of
   * processes that are not its children, such as a deploy's.
   */
  readonly processor: number;
  /** Peak of the resident memory of the program and its descendants, in MiB; 0 when not sampled. */
  readonly memory: number;
}

export interface Options {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
  /** Timeout in seconds. */
  readonly limit?: number;
  /** Sample the memory; costs time, so use it only in runs that are not timed. */
  readonly memory?: boolean;
}

const groups = new Set<number>();
const SAMPLE_MILLISECONDS = 50;
const TICKS_PER_SECOND = 100; // USER_HZ, the same on every Linux
const PAGE_BYTES = 4096;

const number = (text: string | undefined): number => Number(text ?? 0);

function stat(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Processor seconds of the computer since its boot: user, nice, system, irq and softirq (proc_stat(5)). */
export function processorSeconds(): number {
  const [, ...ticks] = readFileSync("/proc/stat", "utf8").split("\n", 1).join("").split(/\s+/);
  return [0, 1, 2, 5, 6].reduce((sum, at) => sum + number(ticks[at]) / TICKS_PER_SECOND, 0);
}

/** Whether a process belongs to a login session or a user's service manager. */
export function inLogin(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "utf8").includes("/user.slice/");
  } catch {
    return false;
  }
}

/** Processor seconds of a process and of its ended children. */
export function processorOf(pid: number): number {
  try {
    return stat(pid)
      .slice(11, 15)
      .reduce((sum, ticks) => sum + Number(ticks) / TICKS_PER_SECOND, 0);
  } catch {
    return 0;
  }
}

/** Resident bytes of a process and its descendants. A process that ends meanwhile counts as 0. */
function residentTree(pid: number): number {
  try {
    const own = number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE_BYTES;
    // The kernel lists a child under the thread that started it.
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean),
    );
    return children.reduce((sum, child) => sum + residentTree(Number(child)), own);
  } catch {
    return 0;
  }
}

export function run(argv: readonly string[], options: Options = {}): Promise<Finished> {
  const [program = "", ...args] = argv;
  const before = processorSeconds();
  const begin = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      detached: true,
      stdio: "pipe",
      env: options.env ?? process.env,
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
    const group = child.pid;
    if (group !== undefined) groups.add(group);
    let stdout = "";
    let output = "";
    let memory = 0;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
    const sampler =
      options.memory && group !== undefined
        ? setInterval(() => {
            memory = Math.max(memory, residentTree(group));
          }, SAMPLE_MILLISECONDS)
        : undefined;
    const limit = setTimeout(
      () => group !== undefined && end(group, "SIGKILL"),
      (options.limit ?? 900) * 1000,
    );
    const cleanUp = () => {
      clearTimeout(limit);
      clearInterval(sampler);
      if (group !== undefined) groups.delete(group);
    };
    child.on("error", (error) => {
      cleanUp();
      reject(error);
    });
    child.on("close", (code) => {
      cleanUp();
      resolve({
        code: code ?? -1,
        stdout,
        output,
        seconds: (performance.now() - begin) / 1000,
        processor: processorSeconds() - before,
        memory: memory / 2 ** 20,
      });
    });
  });
}

/** Runs a program and throws, with the end of its output, unless it exits with 0. */
export async function must(argv: readonly string[], options: Options = {}): Promise<Finished> {
  const finished = await run(argv, options);
  if (finished.code !== 0) {
    throw new Error(
      `${argv.slice(0, 6).join(" ")}: exit code ${finished.code}\n${finished.output.slice(-3000)}`,
    );
  }
  return finished;
}

function end(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // It has ended already.
  }
}

/** Ends all running programs; for signal handlers. */
export async function stopRuns(): Promise<void> {
  for (const group of groups) end(group, "SIGTERM");
  for (let waited = 0; groups.size > 0 && waited < 50; waited += 1) {
    await new Promise((resume) => setTimeout(resume, 100));
  }
  for (const group of groups) end(group, "SIGKILL");
}
