import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { runProcess } from "../../deployer/process/runner.ts";
import { pathReference } from "../../lib/flake-reference.ts";
import { evaluationArgv, type Figures, figuresOf, inputOverrides, tableOf } from "./evaluation.ts";
import { instantiate } from "./instantiate.ts";

const USAGE = `Evaluates each host of nix/ to the derivation of its system, then all hosts in one evaluation.
  make nix-eval NIXPKGS=PATH [INPUTS=PATH] [HOSTS="a b"]
NIXPKGS  a checkout of nixpkgs (or a flake with the same outputs); by default nix fetches the revision of nix/flake.lock
INPUTS   a directory with checkouts of other inputs under their names in nix/flake.nix; nix fetches the missing ones`;

if (process.argv.includes("--help")) {
  console.log(USAGE);
  process.exit(0);
}

const LIMIT_SECONDS = 600;
const flake = pathReference(resolve("nix"));
const nixpkgs = process.env["NIXPKGS"];
const inputs = process.env["INPUTS"];
const local =
  inputs === undefined
    ? []
    : readdirSync(inputs).map((name) => [name, realpathSync(resolve(inputs, name))] as const);
if (nixpkgs !== undefined && nixpkgs !== "" && !existsSync(join(nixpkgs, "flake.nix"))) {
  console.error(`nix-eval: NIXPKGS=${nixpkgs} has no flake.nix; set it to a checkout of nixpkgs`);
  process.exit(2);
}
const overrides = inputOverrides(new Map(nixpkgs ? [...local, ["nixpkgs", realpathSync(nixpkgs)]] : local));

const scratch = mkdtempSync(join(tmpdir(), "nix-eval-"));
const statistics = join(scratch, "stats.json");

async function measure(name: string, hosts: readonly string[]): Promise<Figures | undefined> {
  process.stderr.write(`${name} … `);
  const start = performance.now();
  const { exitCode, stderr } = await runProcess({
    argv: evaluationArgv(flake, hosts, overrides),
    env: { NIX_SHOW_STATS: "1", NIX_SHOW_STATS_PATH: statistics },
    timeoutSeconds: LIMIT_SECONDS,
    ownGroup: false,
  });
  const seconds = (performance.now() - start) / 1000;
  if (exitCode !== 0) {
    process.stderr.write(`failed\n${stderr.split("\n").slice(-25).join("\n")}\n`);
    return undefined;
  }
  const figures = figuresOf(name, seconds, readFileSync(statistics, "utf8"));
  process.stderr.write(`${figures.seconds.toFixed(1)} s, ${figures.megabytes.toFixed(0)} MB\n`);
  return figures;
}

const allHosts = `builtins.attrNames ((import ${resolve("nix")}/lib/fleet.nix).fromFile ${resolve("nix")}/fleet.toml).hosts`;
const selected = (process.env["HOSTS"] ?? "").split(" ").filter(Boolean);
const hosts = selected.length > 0 ? selected : ((await instantiate("--expr", allHosts)) as string[]);

const rows: (Figures | undefined)[] = [];
for (const host of hosts) rows.push(await measure(host, [host]));
if (hosts.length > 1 && !rows.includes(undefined))
  rows.push(await measure(`all ${hosts.length} at once`, hosts));
rmSync(scratch, { recursive: true });
console.log(tableOf(rows.filter((row) => row !== undefined)));
process.exit(rows.includes(undefined) ? 1 : 0);
