/** Environments of runners that are odd but legal: a preview and an up in each end well. */
import { spawnSync } from "node:child_process";
import { chownSync, cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { World } from "./world.ts";

export interface Setting {
  readonly name: string;
  /** Settings of one kind exclude each other. */
  readonly kind: string;
  /** Environment variables; undefined removes one. */
  readonly env?: (world: World) => Readonly<Record<string, string | undefined>>;
  /** The checkout to run in; the repository itself when left out. */
  readonly checkout?: (world: World) => string;
  /** Shell text before the command, such as `umask 0077`. */
  readonly shell?: string;
  /** Arguments after the command, for the shell: `<&-`. */
  readonly redirection?: string;
  /** Only root can make it. */
  readonly needsRoot?: boolean;
  /** The text of the one message with which the run ends; it ends well when left out. */
  readonly refused?: RegExp;
}

/** Nothing listens there. */
const PROXY = "http://127.0.0.1:1";

function made(world: World, path: string): string {
  const directory = world.file(path);
  mkdirSync(directory, { recursive: true });
  return directory;
}

function script(world: World, name: string, text: string): string {
  const file = world.file(name);
  writeFileSync(file, text);
  return file;
}

/** A copy of the checkout, committed, in a directory of this name. */
function checkoutAt(world: World, name: string, owner?: number): string {
  const checkout = world.file(name);
  if (existsSync(checkout)) return checkout;
  const tracked = spawnSync("git", ["ls-files", "-z"], { encoding: "utf8" }).stdout.split("\0");
  for (const file of tracked.filter((each) => each !== "")) {
    mkdirSync(dirname(join(checkout, file)), { recursive: true });
    cpSync(file, join(checkout, file));
  }
  symlinkSync(join(process.cwd(), "node_modules"), join(checkout, "node_modules"));
  const git = (...args: string[]) =>
    spawnSync("git", ["-C", checkout, "-c", "user.name=t", "-c", "user.email=t@example.test", ...args]);
  git("init", "-q");
  git("add", "-A");
  git("commit", "-qm", "all");
  if (owner !== undefined) {
    for (const path of [checkout, join(checkout, ".git"), join(checkout, "nix")])
      chownSync(path, owner, owner);
  }
  return checkout;
}

export const SETTINGS: readonly Setting[] = [
  {
    kind: "TMPDIR",
    name: "too long for a socket",
    env: (world) => ({ TMPDIR: made(world, "t".repeat(120)) }),
  },
  { kind: "TMPDIR", name: "with a blank", env: (world) => ({ TMPDIR: made(world, "with a blank") }) },
  { kind: "TMPDIR", name: "not writable", env: () => ({ TMPDIR: "/proc" }) },
  { kind: "TMPDIR", name: "missing", env: () => ({ TMPDIR: "/nowhere/tmp" }) },
  {
    kind: "TMPDIR",
    name: "full",
    needsRoot: true,
    env: (world) => ({ TMPDIR: made(world, "full") }),
    // `unshare` runs this shell again in a mount namespace of its own.
    shell:
      'if [ "$FULL_TMPDIR" != yes ]; then FULL_TMPDIR=yes exec unshare -m sh -c "$SELF" sh "$@"; fi; ' +
      'mount -t tmpfs -o size=8k none "$TMPDIR" || exit 97; head -c 8192 /dev/zero >"$TMPDIR/full" 2>/dev/null || :; ',
  },
  { kind: "HOME", name: "unset", env: () => ({ HOME: undefined }) },
  { kind: "HOME", name: "missing", env: () => ({ HOME: "/nowhere/home" }) },
  { kind: "HOME", name: "read-only", env: () => ({ HOME: "/proc" }) },
  {
    kind: "PATH",
    name: "with a blank and missing entries",
    env: (world) => ({ PATH: `${made(world, "bin with a blank")}:/nowhere/bin::${world.env["PATH"]}` }),
  },
  {
    kind: "CDPATH",
    name: "exported",
    env: (world) => ({ CDPATH: dirname(made(world, "elsewhere/tools")) }),
  },
  { kind: "locale", name: "C", env: () => ({ LC_ALL: "C", LANG: "C" }) },
  { kind: "locale", name: "not UTF-8", env: () => ({ LC_ALL: "de_DE.ISO-8859-1" }) },
  {
    kind: "proxy",
    name: "no_proxy unset",
    env: () => ({ http_proxy: PROXY, https_proxy: PROXY, HTTPS_PROXY: PROXY }),
  },
  {
    kind: "proxy",
    name: "no_proxy with blanks",
    env: () => ({ all_proxy: PROXY, http_proxy: PROXY, no_proxy: " example.test, 192.0.2.1 " }),
  },
  {
    kind: "proxy",
    name: "no_proxy for all hosts",
    env: () => ({ http_proxy: PROXY, https_proxy: PROXY, no_proxy: "*" }),
  },
  {
    kind: "Git",
    name: "variables of a hook",
    env: () => ({ GIT_DIR: "/nowhere/.git", GIT_WORK_TREE: "/nowhere", GIT_INDEX_FILE: "index" }),
  },
  { kind: "umask", name: "0077", shell: "umask 0077; " },
  { kind: "umask", name: "0000", shell: "umask 0000; " },
  { kind: "stdin", name: "closed", redirection: " <&-" },
  {
    kind: "Node",
    name: "NODE_OPTIONS",
    env: () => ({ NODE_OPTIONS: "--max-old-space-size=1024 --trace-warnings" }),
  },
  {
    kind: "Node",
    name: "NODE_OPTIONS that Node refuses",
    env: () => ({ NODE_OPTIONS: "--require /nowhere/hook.js" }),
    refused: /NODE_OPTIONS/,
  },
  {
    kind: "shell",
    name: "BASH_ENV and ENV",
    env: (world) => {
      const file = script(world, "noise.sh", "echo noise from a start-up file\n");
      return { BASH_ENV: file, ENV: file };
    },
  },
  {
    kind: "checkout",
    name: "in a path with odd characters",
    checkout: (world) => checkoutAt(world, "a (b) #c ?d %20e ü"),
  },
  {
    kind: "checkout",
    name: "owned by another user",
    needsRoot: true,
    checkout: (world) => checkoutAt(world, "others", 65_534),
  },
];

export const settingName = ({ kind, name }: Setting): string => `${kind}: ${name}`;

/** Sets that combine settings of different kinds, so that each setting is in one of them. */
export function combined(settings: readonly Setting[]): Setting[][] {
  const sets: Setting[][] = [];
  for (const setting of settings) {
    const free = sets.find((set) => set.every(({ kind }) => kind !== setting.kind));
    if (setting.refused === undefined && free !== undefined) free.push(setting);
    else if (setting.refused === undefined) sets.push([setting]);
  }
  return [...sets, ...settings.filter(({ refused }) => refused !== undefined).map((setting) => [setting])];
}

/** A run of tools/pulumi in these settings. */
export async function runIn(world: World, settings: readonly Setting[], args: readonly string[]) {
  const before = { ...world.env };
  const checkout = settings.flatMap((setting) => setting.checkout?.(world) ?? [])[0];
  // A cache that is not in HOME, as on runners whose HOME is lost after each job.
  const cache = before["XDG_CACHE_HOME"] ?? join(before["HOME"] ?? "/root", ".cache");
  const changes = settings.flatMap((setting) => Object.entries(setting.env?.(world) ?? {}));
  const shell = settings.map((each) => each.shell ?? "").join("");
  const command = `${shell}exec "$@"${settings.map((each) => each.redirection ?? "").join("")}`;
  Object.assign(world.env, { XDG_CACHE_HOME: cache, SELF: command });
  for (const [name, value] of changes) {
    if (value === undefined) delete world.env[name];
    else world.env[name] = value;
  }
  try {
    return await world.pulumi(args, undefined, {
      shell: command,
      ...(checkout !== undefined && { checkout }),
    });
  } finally {
    for (const name of Object.keys(world.env)) delete world.env[name];
    Object.assign(world.env, before);
  }
}

/** The text of a system that each run deploys anew. */
export function changeSystem(world: World, text: string): void {
  const file = world.file("systems");
  world.env["PANTHEROS_SYSTEMS"] = file;
  writeFileSync(file, `legacy ${text}\n`);
}
