import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { evaluation, type Figures, figuresOf, inputOverrides, tableOf } from "./evaluation.ts";

const usage = `Evaluates every host of nix/ to the derivation of its system, one after the other and all in one.
  make nix-eval NIXPKGS=PATH [INPUTS=PATH] [HOSTS="a b"]
NIXPKGS  a checkout of nixpkgs (or a flake with the same outputs); without it the revision of nix/flake.lock is fetched
INPUTS   a directory with checkouts of the other inputs by their names in nix/flake.nix; what isn't there is fetched`;

if (process.argv.includes("--help")) {
  console.log(usage);
  process.exit(0);
}

const limitSeconds = 600;
const flake = `path:${resolve("nix")}`;
const nixpkgs = process.env["NIXPKGS"];
const inputs = process.env["INPUTS"];
const local =
  inputs === undefined
    ? []
    : readdirSync(inputs).map((name) => [name, realpathSync(resolve(inputs, name))] as const);
if (nixpkgs !== undefined && nixpkgs !== "" && !existsSync(join(nixpkgs, "flake.nix"))) {
  console.error(`nix-eval: NIXPKGS=${nixpkgs} holds no flake.nix; give a checkout of nixpkgs`);
  process.exit(2);
}
const overrides = inputOverrides(new Map(nixpkgs ? [...local, ["nixpkgs", realpathSync(nixpkgs)]] : local));

const scratch = mkdtempSync(join(tmpdir(), "nix-eval-"));
const statistics = join(scratch, "stats.json");

function measure(name: string, hosts: readonly string[]): Figures | undefined {
  process.stderr.write(`${name} … `);
  const began = performance.now();
  const { status, stderr } = spawnSync("nix", evaluation(flake, hosts, overrides), {
    encoding: "utf8",
    env: { ...process.env, NIX_SHOW_STATS: "1", NIX_SHOW_STATS_PATH: statistics },
    timeout: limitSeconds * 1000,
  });
  const seconds = (performance.now() - began) / 1000;
  if (status !== 0) {
    process.stderr.write(`failed\n${stderr.split("\n").slice(-25).join("\n")}\n`);
    return undefined;
  }
  const figures = figuresOf(name, seconds, readFileSync(statistics, "utf8"));
  process.stderr.write(`${figures.seconds.toFixed(1)} s, ${figures.megabytes.toFixed(0)} MB\n`);
  return figures;
}

const known = execFileSync(
  "nix-instantiate",
  [
    "--eval",
    "--strict",
    "--json",
    "--expr",
    `builtins.attrNames ((import ${resolve("nix")}/lib/fleet.nix).fromFile ${resolve("nix")}/fleet.toml).hosts`,
  ],
  { encoding: "utf8" },
);
const asked = (process.env["HOSTS"] ?? "").split(" ").filter(Boolean);
const hosts = asked.length > 0 ? asked : (JSON.parse(known) as string[]);

const rows = hosts.map((host) => measure(host, [host]));
if (hosts.length > 1 && !rows.includes(undefined)) rows.push(measure(`all ${hosts.length} at once`, hosts));
rmSync(scratch, { recursive: true });
console.log(tableOf(rows.filter((row) => row !== undefined)));
process.exit(rows.includes(undefined) ? 1 : 0);
