import { existsSync, mkdtempSync, rmdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import {
  detectCapabilities,
  sandboxObstacles,
  WHAT_STILL_WORKS,
} from "../../tools/toolchain/prerequisites.ts";
import { cgroupHierarchies } from "../machines/cgroups.ts";

/** Programs that `up` and the machines use, with the Debian package or the command that installs each. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  "systemd-nspawn": "systemd-container",
  mmdebstrap: "mmdebstrap",
  ip: "iproute2",
  nft: "nftables",
  nsenter: "util-linux",
  unshare: "util-linux",
  flock: "util-linux",
  ssh: "openssh-client",
  "ssh-keygen": "openssh-client",
  nix: "nix (tools/setup sandbox)",
  pulumi: "pulumi (tools/setup sandbox)",
};

export function findProgram(name: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find((file) => existsSync(file));
}

/** A line for each program that is not on PATH. */
export function missingPrograms(path: string, find: typeof findProgram = findProgram): readonly string[] {
  return Object.entries(PROGRAMS)
    .filter(([name]) => find(name, path) === undefined)
    .map(([name, origin]) => `${name} is not on PATH: it comes with ${origin}`);
}

/** The sandbox cannot run here; the message names the reasons and what still works. */
class PrerequisiteError extends Error {
  constructor(problems: readonly string[]) {
    const lines = problems.map((problem) => `  - ${problem}`);
    super(["The sandbox cannot run here:", ...lines, WHAT_STILL_WORKS].join("\n"));
    this.name = "PrerequisiteError";
  }
}

/** Undefined when cgroups can be made, else the reason, for example missing rights in a container. */
export function cgroupProblem(hierarchies: readonly string[] = cgroupHierarchies()): string | undefined {
  if (hierarchies.length === 0)
    return "no cgroup hierarchy that systemd can use is mounted below /sys/fs/cgroup";
  try {
    for (const hierarchy of hierarchies) rmdirSync(mkdtempSync(join(hierarchy, "pantheros-check-")));
    return undefined;
  } catch (error) {
    return `cgroups can't be made here (a container without the rights?): ${(error as Error).message}`;
  }
}

export function checkPrerequisites(path = process.env["PATH"] ?? ""): void {
  const obstacles = sandboxObstacles(detectCapabilities());
  const cgroups = obstacles.length > 0 ? undefined : cgroupProblem();
  const problems =
    obstacles.length > 0
      ? obstacles
      : [...missingPrograms(path), ...(cgroups === undefined ? [] : [cgroups])];
  if (problems.length > 0) throw new PrerequisiteError(problems);
}
