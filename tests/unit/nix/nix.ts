import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readFileSync, readlinkSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

const repository = process.cwd();
const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "pantheros");

/** PATH with Nix: the machine's own, or the one that `make setup` installs into the cache. */
export function pathWithNix(): string {
  const path = process.env["PATH"] ?? "";
  if (path.split(":").some((directory) => existsSync(join(directory, "nix")))) return path;
  const cached = join(cache, "nix-2.26/bin");
  if (existsSync(join(cached, "nix"))) return `${cached}:${path}`;
  throw new Error(`these tests need Nix: not on PATH, not in ${cached}; run \`make setup\``);
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one of Nix's programs from the repository's root. */
export function attempt(program: string, ...args: readonly string[]): Ran {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: repository,
    env: { ...process.env, PATH: pathWithNix(), NIX_CONFIG: "experimental-features = nix-command flakes" },
    encoding: "utf8",
    timeout: 120_000,
  });
  if (error !== undefined) throw error;
  return { code: status, stdout, stderr };
}

export function run(program: string, ...args: readonly string[]): string {
  const { code, stdout, stderr } = attempt(program, ...args);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: exit ${code}\n${stderr}`);
  return stdout;
}

/** Value of an expression in which `nix` is the directory nix/ of the repository. */
export function evaluate(expression: string): unknown {
  const bound = `let nix = ${join(repository, "nix")}; in ${expression}`;
  return JSON.parse(run("nix-instantiate", "--eval", "--strict", "--json", "--expr", bound));
}

/** The error of an expression that must not evaluate. */
export function evaluationError(expression: string): string {
  const bound = `let nix = ${join(repository, "nix")}; in ${expression}`;
  const { code, stderr } = attempt("nix-instantiate", "--eval", "--strict", "--json", "--expr", bound);
  if (code === 0) throw new Error(`it evaluates: ${expression}`);
  return stderr;
}

/** The file of a store path: without a writable /nix, Nix keeps its store in the user's home. */
function onDisk(path: string): string {
  const own = join(homedir(), ".local/share/nix/root", path);
  return !existsSync(path) && existsSync(own) ? own : path;
}

/** Target of a link in the store, unresolved. */
export const linkIn = (path: string, name: string): string => readlinkSync(onDisk(join(path, name)));

/** Store path and file name behind a path in the store whose every part may be a link into the store. */
function resolved(path: string): string {
  let at = "/";
  for (const part of path.split("/").filter(Boolean)) {
    at = join(at, part);
    for (
      let hops = 0;
      hops < 8 && lstatSync(onDisk(at), { throwIfNoEntry: false })?.isSymbolicLink();
      hops += 1
    ) {
      at = resolved(join(dirname(at), readlinkSync(onDisk(at))).replace(/^.*(?=\/nix\/store\/)/, ""));
    }
  }
  return at;
}

export const inStore = (path: string, name: string): boolean =>
  existsSync(onDisk(resolved(join(path, name))));
export const readStore = (path: string, name: string): string =>
  readFileSync(onDisk(resolved(join(path, name))), "utf8");
