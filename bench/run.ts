/** Runs measured programs: bounded, in process groups of their own, so that an interruption leaves none behind. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  /** Both streams, as they came. */
  readonly output: string;
  readonly seconds: number;
  /**
   * Seconds of processor time of the whole machine meanwhile, hosts included. Not of the program and its children: what it leaves to a
   * process that is none, as a deploy is, would be missing.
   */
  readonly processor: number;
  /** Largest sum of resident memory of the program and its descendants, in MiB; 0 when it was not asked for. */
  readonly memory: number;
}

export interface Options {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
  /** Seconds until it is ended. */
  readonly limit?: number;
  /** Sample its memory: costs time, so not in a run that is timed. */
  readonly memory?: boolean;
}

const groups = new Set<number>();
const SAMPLE_MILLISECONDS = 50;
const TICKS = 100; // USER_HZ, the same on every Linux
const PAGE = 4096;

const number = (text: string | undefined): number => Number(text ?? 0);

function stat(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Processor seconds of the machine since it started: user, nice, system, irq and softirq (proc_stat(5)). */
export function spent(): number {
  const [, ...ticks] = readFileSync("/proc/stat", "utf8").split("\n", 1).join("").split(/\s+/);
  return [0, 1, 2, 5, 6].reduce((sum, at) => sum + number(ticks[at]) / TICKS, 0);
}

/** Whether a process belongs to somebody's login, its service manager included. */
export function inLogin(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "utf8").includes("/user.slice/");
  } catch {
    return false;
  }
}

/** Processor seconds of a process and of those below it that have ended. */
export function processorOf(pid: number): number {
  try {
    return stat(pid)
      .slice(11, 15)
      .reduce((sum, ticks) => sum + Number(ticks) / TICKS, 0);
  } catch {
    return 0;
  }
}

/** Bytes of a process and everything below it. A process that ends meanwhile counts nothing. */
export function residentTree(pid: number): number {
  try {
    const own = number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE;
    // A process is the child of the thread that started it.
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
  const before = spent();
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
    const leave = () => {
      clearTimeout(limit);
      clearInterval(sampler);
      if (group !== undefined) groups.delete(group);
    };
    child.on("error", (error) => {
      leave();
      reject(error);
    });
    child.on("close", (code) => {
      leave();
      resolve({
        ...{ code: code ?? -1, stdout, output },
        seconds: (performance.now() - begin) / 1000,
        processor: spent() - before,
        memory: memory / 2 ** 20,
      });
    });
  });
}

/** Runs to success; throws with the end of the output. */
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
    // gone
  }
}

/** Ends everything that is measured now; for the moment somebody interrupts. */
export async function stopRuns(): Promise<void> {
  for (const group of groups) end(group, "SIGTERM");
  for (let waited = 0; groups.size > 0 && waited < 50; waited += 1) {
    await new Promise((resume) => setTimeout(resume, 100));
  }
  for (const group of groups) end(group, "SIGKILL");
}
