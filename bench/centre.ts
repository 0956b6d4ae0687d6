/**
 * Measures the control centre against its limits: `tools/with node bench/centre.ts [requests]`. It has 100 hosts and 10,000 past deploys, and is
 * bundled and started as the service is.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { loadInventory } from "../inventory/load.ts";
import { bundleCentre } from "../tools/centre/build.ts";
import { median, type Row, rowTable } from "./table.ts";

const requests = Number(process.argv[2] ?? 2500);
if (!Number.isSafeInteger(requests) || requests < 1) {
  const isHelp = process.argv[2] === "--help";
  console.log("tools/with node bench/centre.ts [REQUESTS]   REQUESTS: 2500 by default");
  process.exit(isHelp ? 0 : 2);
}

/** Limit of the fleet's page at the server, in seconds. */
const PAGE_SECONDS = 0.2;
/** As in nix/modules/services/control-centre.nix. */
const FLAGS = [
  "--max-semi-space-size=1",
  "--max-old-space-size=48",
  "--optimize-for-size",
  "--no-opt",
  "--no-maglev",
];
const ENV = { ...process.env, MALLOC_ARENA_MAX: "1" };
const PATHS = ["/", "/hosts/node-01", "/topology", "/api/v1/fleet", "/api/v1/hosts/node-02"];
const MEBIBYTE = 1024 * 1024;

const root = path.join(import.meta.dirname, "..");
const memoryMb = loadInventory(path.join(root, "nix/fleet.toml")).budgets?.memoryMb ?? 100;

/** Resident memory of a process in bytes. Source: proc(5). */
function residentBytes(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kibibytes) * 1024;
}

const scratch = mkdtempSync(path.join(tmpdir(), "pantheros-bench-centre-"));
const program = await bundleCentre("bench/centre/serve.ts", scratch);
const child = spawn(process.execPath, [...FLAGS, program], {
  env: ENV,
  stdio: ["ignore", "pipe", "inherit"],
});
try {
  const first = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("exit", (code) => reject(new Error(`the control centre ended with ${code}`)));
  });
  const { address, link } = JSON.parse(first) as { readonly address: string; readonly link: string };
  const [cookie = ""] = ((await fetch(link)).headers.get("set-cookie") ?? "").split(";");
  const idle = residentBytes(child.pid ?? 0);
  const pages: number[] = [];
  for (let at = 0; at < requests; at += 1) {
    const page = PATHS[at % PATHS.length] ?? "/";
    const begin = performance.now();
    const answer = await fetch(address + page, { headers: { cookie } });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`${page}: ${answer.status}`);
    if (page === "/") pages.push((performance.now() - begin) / 1000);
  }
  const after = residentBytes(child.pid ?? 0);
  const rows: readonly Row[] = [
    {
      what: "the fleet's page, 100 hosts and 10,000 past deploys, to its limit",
      value: median(pages) / PAGE_SECONDS,
      limit: 1,
      unit: "times",
      from: `median of ${pages.length}: ${(median(pages) * 1000).toFixed(0)} ms`,
    },
    {
      what: `memory after ${requests} requests, to [budgets] memory_mb`,
      value: after / (memoryMb * 1_000_000),
      limit: 1,
      unit: "times",
      from: `${(after / MEBIBYTE).toFixed(0)} MiB; before them ${(idle / MEBIBYTE).toFixed(0)} MiB`,
    },
  ];
  process.stdout.write(`${rowTable(rows)}\n`);
} finally {
  child.kill("SIGTERM");
  rmSync(scratch, { recursive: true, force: true });
}
