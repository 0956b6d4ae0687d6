/**
 * Measures the commands of `tools/pantheros` against the documents' limit: `tools/with node bench/commands.ts [runs]`. A
 * stack in files with 100 hosts is read, and no host is asked: how long a host takes to answer is not the command's.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadInventory } from "../inventory/load.ts";
import { median } from "./table.ts";

const HOSTS = 100;
const runs = Number(process.argv[2] ?? 5);
if (!Number.isSafeInteger(runs) || runs < 1) {
  const isHelp = process.argv[2] === "--help";
  console.log("tools/with node bench/commands.ts [RUNS]   RUNS: of each command, 5 by default");
  process.exit(isHelp ? 0 : 2);
}
const root = path.join(import.meta.dirname, "..");
/** `[budgets] command_seconds` of the inventory. */
const limit = loadInventory(path.join(root, "nix/fleet.toml")).budgets?.commandSeconds ?? 1;

const names = Array.from({ length: HOSTS }, (_, at) => `host-${at + 1}`);

/** Writes an inventory and a state with these hosts; all have converged. */
function writeStack(directory: string): void {
  const host = (name: string, at: number) => `
[hosts.${name}]
environment = "bench"
profiles = ["server"]
provider = { kind = "existing", vendor = "bench", address = "10.0.${Math.floor(at / 250)}.${(at % 250) + 1}" }
`;
  const inventory = `schema = 1\n[fleet]\ndomain = "example.test"\n[environments.bench]\n${names.map(host).join("")}`;
  const published = {
    ...{ addresses: { ipv4: "10.0.0.1" }, hostKey: "ssh-ed25519 AAAA", generation: 7, health: [] },
    ...{ closure: `/nix/store/${"a".repeat(32)}-nixos-system-bench-26.05`, outcome: "confirmed" },
  };
  const outputs = {
    schemaVersion: 1,
    hosts: Object.fromEntries(names.map((name) => [name, published])),
    ...{ services: {}, dns: { records: [] }, buckets: {}, cache: {} },
  };
  const state = {
    version: 3,
    checkpoint: { latest: { resources: [{ type: "pulumi:pulumi:Stack", outputs }] } },
  };
  const stacks = path.join(directory, "state/.pulumi/stacks/pantheros");
  mkdirSync(stacks, { recursive: true });
  writeFileSync(path.join(directory, "fleet.toml"), inventory);
  writeFileSync(path.join(directory, "Pulumi.bench.yaml"), "config: {}\n");
  writeFileSync(path.join(stacks, "bench.json"), JSON.stringify(state));
}

const scratch = mkdtempSync(path.join(tmpdir(), "pantheros-commands-"));
try {
  writeStack(scratch);
  const stack = ["--stack", "bench", "--config-file", path.join(scratch, "Pulumi.bench.yaml")];
  const program = path.join(root, "tools/pantheros");
  const cases: readonly (readonly [name: string, argv: readonly string[]])[] = [
    ["an empty program of Node", [process.execPath, "-e", "0"]],
    ["`--help`", [program, "--help"]],
    ["`status --no-ask`", [program, "status", "--no-ask", ...stack]],
    ["`why HOST --no-ask`", [program, "why", names[0] ?? "", "--no-ask", ...stack]],
    ["completion of a host's name", [program, "__complete", "why", "--stack", "bench", "host-5"]],
  ];
  const env = {
    ...process.env,
    PANTHEROS_FLEET: path.join(scratch, "fleet.toml"),
    PULUMI_BACKEND_URL: `file://${scratch}/state`,
  };
  const seconds = cases.map((): number[] => []);
  // In turns, so that other load of the computer affects all alike. The first turn fills caches.
  for (let run = 0; run <= runs; run += 1) {
    for (const [at, [name, [command = "", ...words]]] of cases.entries()) {
      const begin = performance.now();
      const { status, stderr } = spawnSync(command, words, { env, encoding: "utf8", timeout: 60_000 });
      if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
      if (run > 0) seconds[at]?.push((performance.now() - begin) / 1000);
    }
  }
  const rows = cases.map(([name], at) => {
    const middle = median(seconds[at] ?? []);
    return `| ${name} | ${middle.toFixed(2)} s | ${(middle / limit).toFixed(2)} |`;
  });
  process.stdout.write(
    `| \`tools/pantheros\` with ${HOSTS} hosts, median of ${runs} | time | of the ${limit} s of [budgets] |\n|---|---|---|\n${rows.join("\n")}\n`,
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
