import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { evaluate } from "../../deployer/evaluation/evaluate.ts";
import type { EvaluationProcess } from "../../deployer/evaluation/workers.ts";
import { NIX } from "../../deployer/nix.ts";
import { runProcess } from "../../deployer/process/runner.ts";
import { pathReference } from "../../lib/flake-reference.ts";
import {
  differenceOf,
  evaluationArgv,
  type Figures,
  figuresOf,
  inputOverrides,
  processFigures,
  tableOf,
  wholeFlakeHosts,
} from "./evaluation.ts";
import { instantiate } from "./instantiate.ts";

const USAGE = `Evaluates each host of nix/ to the derivation of its system, then all hosts as a preview does: in several processes,
each host from its own files. Both must give the same systems. Compares the evaluated values with the inventory, and
gives the files that the hosts would have to the programs that read them.
  make nix-eval NIXPKGS=PATH [INPUTS=PATH] [HOSTS="a b"]
NIXPKGS  a checkout of nixpkgs (or a flake with the same outputs); by default nix fetches the revision of nix/flake.lock
INPUTS   a directory with checkouts of other inputs under their names in nix/flake.nix; nix fetches the missing ones`;

if (process.argv.includes("--help")) {
  console.log(USAGE);
  process.exit(0);
}

const LIMIT_SECONDS = 600;
const SYSTEM = process.arch === "arm64" ? "aarch64-linux" : "x86_64-linux";
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const flake = pathReference(resolve("nix"));
// The Makefile sets both variables, by default to an empty string.
const nixpkgs = process.env["NIXPKGS"] || undefined;
const inputs = process.env["INPUTS"] || undefined;
if (inputs !== undefined && !existsSync(inputs)) {
  console.error(`nix-eval: INPUTS=${inputs} does not exist; set it to a directory with checkouts of inputs`);
  process.exit(2);
}
const local =
  inputs === undefined
    ? []
    : readdirSync(inputs).map((name) => [name, realpathSync(resolve(inputs, name))] as const);
if (nixpkgs !== undefined && !existsSync(join(nixpkgs, "flake.nix"))) {
  console.error(`nix-eval: NIXPKGS=${nixpkgs} has no flake.nix; set it to a checkout of nixpkgs`);
  process.exit(2);
}
const replaced = new Map(nixpkgs ? [...local, ["nixpkgs", realpathSync(nixpkgs)] as const] : local);
const overrides = inputOverrides(replaced);

const scratch = mkdtempSync(join(tmpdir(), "nix-eval-"));
const statistics = join(scratch, "stats.json");

/** Directory for what the hosts write, as their evaluations return it; tests/hosts reads it. */
const written = join(scratch, "written");
const writtenNix = readFileSync(join(import.meta.dirname, "written.nix"), "utf8").replace(/^#.*\n/gm, "");
const HOST = `c: { toplevel = c.config.system.build.toplevel.drvPath; written = (${writtenNix}) c; }`;

async function measure(
  name: string,
  hosts: readonly string[],
  apply?: string,
): Promise<{ readonly figures: Figures; readonly stdout: string } | undefined> {
  process.stderr.write(`${name} … `);
  const start = performance.now();
  const { exitCode, stdout, stderr } = await runProcess({
    argv: evaluationArgv({ flake, hosts, overrides, ...(apply !== undefined && { apply }) }),
    env: { NIX_SHOW_STATS: "1", NIX_SHOW_STATS_PATH: statistics },
    timeoutSeconds: LIMIT_SECONDS,
    maxOutputBytes: MAX_OUTPUT_BYTES,
    ownGroup: false,
  });
  const seconds = (performance.now() - start) / 1000;
  if (exitCode !== 0) {
    process.stderr.write(`failed\n${stderr.split("\n").slice(-25).join("\n")}\n`);
    return undefined;
  }
  const figures = figuresOf(name, seconds, readFileSync(statistics, "utf8"));
  process.stderr.write(`${figures.seconds.toFixed(1)} s, ${figures.megabytes.toFixed(0)} MB\n`);
  return { figures, stdout };
}

async function nix(...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runProcess({
    argv: [...NIX, ...args],
    timeoutSeconds: LIMIT_SECONDS,
    maxOutputBytes: MAX_OUTPUT_BYTES,
    ownGroup: false,
  });
  if (exitCode !== 0) throw new Error(`nix ${args.join(" ")}:\n${stderr}`);
  return stdout;
}

/**
 * Builds a file of a host and returns its content. Stub packages build on any processor, real ones
 * do not.
 */
async function built(derivation: string): Promise<string> {
  const platforms = ["--option", "extra-platforms", "x86_64-linux aarch64-linux"];
  const output = await nix("build", "--no-link", "--print-out-paths", ...platforms, `${derivation}^out`);
  return nix("store", "cat", output.trim());
}

interface Evaluated {
  readonly toplevel: string;
  readonly written: { readonly system: string; readonly files: Readonly<Record<string, string>> };
}

/** Stores what a host writes: files in `files/`, and the rest as `host.json`. */
async function write(host: string, evaluated: Evaluated): Promise<void> {
  const directory = join(written, host);
  mkdirSync(directory, { recursive: true });
  const unbuilt: string[] = [];
  for (const [name, derivation] of Object.entries(evaluated.written.files)) {
    const file = join(directory, "files", name);
    mkdirSync(dirname(file), { recursive: true });
    try {
      writeFileSync(file, await built(derivation));
    } catch (error) {
      if (evaluated.written.system === SYSTEM) throw error;
      unbuilt.push(name);
      process.stderr.write(
        `${host}: /etc/${name} is not checked: it needs a builder for ${evaluated.written.system}\n`,
      );
    }
  }
  writeFileSync(join(directory, "host.json"), JSON.stringify({ ...evaluated.written, unbuilt }));
}

function evaluatedHost(host: string, stdout: string): Evaluated {
  const evaluated = (JSON.parse(stdout) as Record<string, Evaluated>)[host];
  if (evaluated === undefined) throw new Error(`nix returned nothing for ${host}`);
  return evaluated;
}

/**
 * Evaluates as the program does. Every host must have the same system as in `nixosConfigurations`.
 * @param systems host -> its derivation there
 */
async function evaluateAsProgram(systems: ReadonlyMap<string, string>): Promise<boolean> {
  const ended: EvaluationProcess[] = [];
  const begin = performance.now();
  const { promise: end, resolve: onEnd } = Promise.withResolvers<void>();
  const evaluation = evaluate({
    flake,
    hosts: [...systems.keys()],
    overrides: Object.fromEntries([...replaced].map(([name, path]) => [name, pathReference(path)])),
    formerNames: Object.fromEntries(
      Object.entries(known).flatMap(([name, { formerly }]) => (formerly === null ? [] : [[name, formerly]])),
    ),
    onProcess: (one) => ended.push(one),
    onEnd,
    timeoutSeconds: LIMIT_SECONDS,
  });
  let same = true;
  for (const [host, result] of evaluation) {
    const found = await result;
    const problem =
      "failure" in found ? found.failure.reason : differenceOf(found.target.drvPath, systems.get(host) ?? "");
    if (problem === undefined) continue;
    process.stderr.write(`${host}: ${problem}\n`);
    same = false;
  }
  await end;
  const seconds = (performance.now() - begin) / 1000;
  rows.push(...processFigures(ended, seconds));
  for (const host of wholeFlakeHosts(ended)) {
    process.stderr.write(
      `${host}: reads files of other hosts, so every change in nix/ evaluates it again (docs/nix.md)\n`,
    );
  }
  return same;
}

interface KnownHost {
  readonly formerly: string | null;
  readonly deployable: boolean;
}
const inventory = `(import ${resolve("nix")}/lib/fleet.nix).fromFile ${resolve("nix")}/fleet.toml`;
const known = (await instantiate(
  "--expr",
  `let fleet = ${inventory}; in builtins.mapAttrs (name: host: { inherit (host) formerly; deployable = fleet.deployable ? \${name}; }) fleet.hosts`,
)) as Record<string, KnownHost>;
const selected = (process.env["HOSTS"] ?? "").split(" ").filter(Boolean);
const hosts = selected.length > 0 ? selected : Object.keys(known);

const rows: Figures[] = [];
const systems = new Map<string, string>();
let failed = false;
for (const host of hosts) {
  const result = await measure(host, [host], HOST);
  if (result === undefined) failed = true;
  else {
    const evaluated = evaluatedHost(host, result.stdout);
    rows.push(result.figures);
    await write(host, evaluated);
    if (known[host]?.deployable === true) systems.set(host, evaluated.toplevel);
  }
}
if (systems.size > 0) failed = !(await evaluateAsProgram(systems)) || failed;
console.log(tableOf(rows));
if (!failed) {
  const { status } = spawnSync(process.execPath, ["node_modules/jest/bin/jest.js", "tests/hosts", "--ci"], {
    stdio: "inherit",
    env: { ...process.env, PANTHEROS_WRITTEN: written },
  });
  failed = status !== 0;
}
rmSync(scratch, { recursive: true });
process.exit(failed ? 1 : 0);
