import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { onPath } from "./command.ts";

/** What decides whether this computer can run the sandbox. */
export interface Capabilities {
  readonly linux: boolean;
  readonly root: boolean;
  readonly apt: boolean;
  /** Error of making namespaces and mounting an overlay in them; undefined: it works. */
  readonly namespaces: string | undefined;
  readonly cgroup2: boolean;
}

export function detectCapabilities(): Capabilities {
  const linux = process.platform === "linux";
  const root = process.getuid?.() === 0;
  return {
    linux,
    root,
    apt: onPath("apt-get") && onPath("dpkg-query"),
    namespaces: linux && root ? tryNamespaces() : undefined,
    cgroup2: linux && /\bcgroup2$/m.test(readFileSync("/proc/filesystems", "utf8")),
  };
}

/** Reasons why the sandbox cannot run here, most basic first; empty: it can. */
export function sandboxObstacles(machine: Capabilities): string[] {
  if (!machine.linux) return ["this is not Linux: machines need Linux namespaces and systemd"];
  const obstacles: string[] = [];
  if (!machine.root)
    obstacles.push("this is not root: machines need namespaces, mounts and cgroups (try sudo)");
  if (!machine.apt) obstacles.push("this is not Debian or Ubuntu (no apt-get): packages must be installed");
  if (machine.namespaces !== undefined) {
    obstacles.push(`the kernel or container refuses namespaces or overlay mounts: ${machine.namespaces}`);
  }
  if (!machine.cgroup2) obstacles.push("the kernel has no cgroup2: systemd in a machine needs it");
  return obstacles;
}

/** Printed when the sandbox cannot run. */
export const WHAT_STILL_WORKS = [
  "What still works here:",
  "  make check, make test              the unit, property and conformance tests",
  "  tools/pulumi preview --stack ...   previews of real stacks (after tools/setup)",
].join("\n");

/** Tries what every machine needs in a temporary namespace, which the kernel removes with the shell. */
function tryNamespaces(): string | undefined {
  const directory = mkdtempSync(path.join(tmpdir(), "pantheros-check-"));
  const script = [
    'mount -t tmpfs tmpfs "$1"',
    'cd "$1"',
    "mkdir lower upper work merged",
    "mount -t overlay overlay -o lowerdir=$PWD/lower,upperdir=$PWD/upper,workdir=$PWD/work $PWD/merged",
  ].join(" && ");
  const result = spawnSync(
    "unshare",
    ["--mount", "--net", "--pid", "--fork", "sh", "-c", script, "sh", directory],
    {
      encoding: "utf8",
      timeout: 20_000,
    },
  );
  rmSync(directory, { recursive: true, force: true });
  if (result.status === 0) return undefined;
  return result.stderr?.trim() || result.error?.message || `unshare: exit code ${result.status}`;
}
