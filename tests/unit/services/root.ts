import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { serviceRoot } from "../../../tools/toolchain/service-programs.ts";
import { until } from "../programs.ts";

const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "pantheros");
/** The root directory with the service programs, which set-up extracted. */
export const SERVICE_ROOT = serviceRoot(cache, process.env["PANTHEROS_SERVICES_SUITE"] ?? "forky");
export const isRoot = process.getuid?.() === 0;

/** Other accounts become root in their own user namespace, if the kernel allows it. */
const namespaces = ["--mount", "--pid", "--fork", "--kill-child", ...(isRoot ? [] : ["--map-root-user"])];

/** Whether this account may enter a root directory; CI must. Some kernels forbid mounts in namespaces. */
export const mayEnter =
  process.env["CI"] !== undefined ||
  spawnSync("unshare", [...namespaces, "mount", "-t", "tmpfs", "tmpfs", "/tmp"]).status === 0;

/** Mounts exist in the new namespace only, so that tests can enter the same root in parallel. */
const ENTER = `
root=$1 work=$2 user=$3 prepare=$4
shift 4
mount --make-rprivate /
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/run"
mount --rbind "$work" "$root/work"
mkdir "$root/run/sshd" "$root/run/kea"
eval "$prepare"
cd /
exec chroot --userspec="$user" "$root" "$@"
`;

/** Makes programs write to their output instead of a journal, and Kea use no lock file. */
const ENVIRONMENT = {
  PATH: "/usr/sbin:/usr/bin",
  LC_ALL: "C.UTF-8",
  HOME: "/tmp",
  SYSTEMD_LOG_TARGET: "console",
  KEA_LOCKFILE_DIR: "none",
};

export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Options {
  /** A user of the root directory's /etc/passwd; by default root. */
  readonly user?: string;
  /** Shell commands that root runs first, with `$root` and `$work`. The program then has its own network. */
  readonly prepare?: string;
}

/** A test's own directory, which is /work for the programs that set-up extracted from Debian. */
export class Work {
  readonly directory = mkdtempSync(join(tmpdir(), "pantheros-services-"));
  readonly #running: ChildProcess[] = [];

  constructor() {
    if (!existsSync(join(SERVICE_ROOT, "packages")))
      throw new Error(
        `these tests need the service programs, which are not in ${SERVICE_ROOT}; run \`make setup\``,
      );
  }

  /** Writes a file below /work. */
  write(name: string, text: string): void {
    const file = join(this.directory, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  #argv(argv: readonly string[], { user = "root", prepare }: Options): string[] {
    const own = prepare === undefined ? [] : ["--net"];
    return [
      ...namespaces,
      ...own,
      "sh",
      "-euc",
      ENTER,
      "sh",
      SERVICE_ROOT,
      this.directory,
      user,
      prepare ?? "",
      ...argv,
    ];
  }

  /** Runs a program and waits for its end. */
  run(argv: readonly string[], options: Options = {}): Answer {
    const { status, stdout, stderr, error } = spawnSync("unshare", this.#argv(argv, options), {
      encoding: "utf8",
      env: ENVIRONMENT,
      timeout: 60_000,
      maxBuffer: 64 * 1024 * 1024,
    });
    if (error !== undefined) throw error;
    return { code: status, stdout, stderr };
  }

  /** Starts a program; `remove` ends it. `output()` returns its output so far. */
  start(argv: readonly string[], options: Options = {}): { readonly child: ChildProcess; output(): string } {
    const child = spawn("unshare", this.#argv(argv, options), {
      env: ENVIRONMENT,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#running.push(child);
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
    }
    return { child, output: () => text };
  }

  /** Starts a program and waits until `ready` is true. If the program ends before, throws its output. */
  async startUntil(
    argv: readonly string[],
    ready: (output: string) => boolean,
    options: Options = {},
  ): Promise<() => string> {
    const { child, output } = this.start(argv, options);
    await until(() => {
      if (child.exitCode !== null) throw new Error(`${argv.join(" ")} ended:\n${output()}`);
      return ready(output());
    });
    return output;
  }

  /** Ends the programs, and removes the directory when no program can write to it any more. */
  async remove(): Promise<void> {
    for (const child of this.#running.filter(({ exitCode }) => exitCode === null)) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    }
    for (const { stdout, stderr } of this.#running) {
      stdout?.destroy();
      stderr?.destroy();
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
