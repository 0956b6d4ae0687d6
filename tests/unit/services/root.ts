import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { serviceRoot } from "../../../tools/toolchain/service-programs.ts";
import { until } from "../programs.ts";

const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "pantheros");
/** The root directory that set-up extracted. */
export const SERVICE_ROOT = serviceRoot(cache, process.env["PANTHEROS_SERVICES_SUITE"] ?? "forky");
export const isRoot = process.getuid?.() === 0;

/** Whoever is not root is root in a user namespace of their own, where the kernel allows those. */
const namespaces = ["--mount", "--pid", "--fork", "--kill-child", ...(isRoot ? [] : ["--map-root-user"])];

/**
 * Whether this account may enter a root directory; CI must. Some kernels give namespaces and forbid mounts in them.
 */
export const mayEnter =
  process.env["CI"] !== undefined ||
  spawnSync("unshare", [...namespaces, "mount", "-t", "tmpfs", "tmpfs", "/tmp"]).status === 0;

/** Mounts are seen in the new namespace only: tests enter the same root side by side. */
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

/** Programs write to their output rather than to a journal, and into no directory that they lack. */
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
  /** A name of the root's /etc/passwd; root when not given. */
  readonly user?: string;
  /** Shell commands of root's that come first, with `$root` and `$work`; the program has a network of its own then. */
  readonly prepare?: string;
}

/** A directory of a test's own, which the programs that set-up extracted from Debian see as /work. */
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

  /** Runs a program to its end. */
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

  /** Starts a program that stays; `remove` ends it. What it wrote so far is `output()`. */
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

  /** Starts a program and waits until it has written `ready`, or is ready by another sign. Throws what it wrote when it ends. */
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

  /** Ends what was started, and waits for it, so that nothing writes into the directory that is removed. */
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
