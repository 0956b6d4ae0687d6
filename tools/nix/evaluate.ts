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
import { NIX } from "../../deployer/nix.ts";
import { runProcess } from "../../deployer/process/runner.ts";
import { pathReference } from "../../lib/flake-reference.ts";
import { evaluationArgv, type Figures, figuresOf, inputOverrides, tableOf } from "./evaluation.ts";
import { instantiate } from "./instantiate.ts";

const USAGE = `Evaluates each host of nix/ to the derivation of its system, then all hosts in one evaluation. Compares the
evaluated values with the inventory, and gives the files that the hosts would have to the programs that read them.
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
const overrides = inputOverrides(new Map(nixpkgs ? [...local, ["nixpkgs", realpathSync(nixpkgs)]] : local));

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
  readonly written: { readonly system: string; readonly files: Readonly<Record<string, string>> };
}

/** Stores what a host writes: files in `files/`, and the rest as `host.json`. */
async function write(host: string, stdout: string): Promise<void> {
  const evaluated = (JSON.parse(stdout) as Record<string, Evaluated>)[host];
  if (evaluated === undefined) throw new Error(`nix returned nothing for ${host}`);
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

const allHosts = `builtins.attrNames ((import ${resolve("nix")}/lib/fleet.nix).fromFile ${resolve("nix")}/fleet.toml).hosts`;
const selected = (process.env["HOSTS"] ?? "").split(" ").filter(Boolean);
const hosts = selected.length > 0 ? selected : ((await instantiate("--expr", allHosts)) as string[]);

const rows: Figures[] = [];
let failed = false;
for (const host of hosts) {
  const result = await measure(host, [host], HOST);
  if (result === undefined) failed = true;
  else {
    rows.push(result.figures);
    await write(host, result.stdout);
  }
}
if (hosts.length > 1 && !failed) {
  const together = await measure(`all ${hosts.length} at once`, hosts);
  if (together === undefined) failed = true;
  else rows.push(together.figures);
}
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
