/** Private directories for temporary files, which a later run removes when the process that made them was killed. */
import { mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../lib/message-of.ts";
import { startTimeOf } from "./stop.ts";

/** PIDs repeat in other PID namespaces, which may share TMPDIR: names have the last digits of the namespace's number. */
const namespace = (): string => readlinkSync("/proc/self/ns/pid").slice(-5, -1);

/** The part of a name that identifies a running process; deploy.sh makes the same. */
export const processSuffix = (pid: number): string => `${pid}-${startTimeOf(pid)}-${namespace()}`;

const NAME = /^pantheros-(?:deploy|deployer|install)-(\d+)-(\d+)-(\d{4})(?:-\d+)?$/;

/** Removes from `parent` the directories of this user's processes that have ended. */
export function removeStale(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, pid, start, space] = NAME.exec(name) ?? [];
    if (pid === undefined || space !== namespace() || startTimeOf(Number(pid)) === start) continue;
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {
      // another user's
    }
  }
}

/** Bytes that must fit, more than the files of one deploy. */
const MIN_FREE_BYTES = 64 * 1024;

/** Why `directory` cannot be made or used; undefined when it was made. */
function problemOf(directory: string): string | undefined {
  if (/\s/.test(directory)) return "its path has a blank";
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    return messageOf(error);
  }
  try {
    const file = join(directory, "space");
    writeFileSync(file, Buffer.alloc(MIN_FREE_BYTES));
    rmSync(file);
    return undefined;
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    return messageOf(error);
  }
}

let made = 0;
/**
 * Directories already cleared of what killed processes left. Once is enough, although a deployer
 * makes a private directory in them for each host.
 */
const searched = new Set<string>();

/**
 * Makes a directory of mode 0700 in TMPDIR, XDG_RUNTIME_DIR or /tmp: the first that can be used, and of those, the first whose path
 * `suits`. A blank cannot be used because Nix splits NIX_SSHOPTS at blanks.
 */
export function makePrivateDirectory(
  kind: "deploy" | "install",
  suits: (directory: string) => boolean = () => true,
): string {
  const name = `pantheros-${kind}-${processSuffix(process.pid)}-${++made}`;
  const parents = [
    ...new Set([process.env["TMPDIR"] || tmpdir(), process.env["XDG_RUNTIME_DIR"] || "/tmp", "/tmp"]),
  ];
  const bySuit = [true, false].flatMap((suited) =>
    parents.filter((parent) => suits(join(parent, name)) === suited),
  );
  const problems: string[] = [];
  for (const parent of bySuit) {
    const problem = problemOf(join(parent, name));
    if (problem === undefined) {
      if (!searched.has(parent)) {
        searched.add(parent);
        removeStale(parent);
      }
      return join(parent, name);
    }
    problems.push(`${parent}: ${problem}`);
  }
  throw new Error(
    `no directory for temporary files (${problems.join("; ")}): set TMPDIR to a writable directory with free space and no blank in its path`,
  );
}
