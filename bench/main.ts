/**
 * Measures speed and memory against peers and limits, as ratios of one run: `make bench`; for parts see
 * `tools/with node bench/main.ts --help`. It runs in its own sandbox, which it removes at the end, also after Ctrl-C.
 */

import { writeFileSync } from "node:fs";
import path from "node:path";
import { Command } from "commander";
import { messageOf } from "../lib/message-of.ts";
import { checkPrerequisites } from "../sandbox/cli/prerequisites.ts";
import { createSteps } from "../sandbox/cli/steps.ts";
import { DeployRs, ensureDeployRs } from "./deploy-rs.ts";
import { BenchFleet } from "./fleet.ts";
import { machineText } from "./machine.ts";
import { measure, type Part, parts } from "./parts.ts";
import { stopRuns } from "./run.ts";
import { growthTable, rowTable } from "./table.ts";

const root = path.join(import.meta.dirname, "..");
const whole = (text: string) => Number.parseInt(text, 10);

const program = new Command("bench")
  .description(
    "Measure deploys, previews and rollbacks on sandbox hosts, compared with deploy-rs and plain commands (root).",
  )
  .argument("[part...]", `${Object.keys(parts).join(", ")}; default: all`)
  .option("--rounds <n>", "rounds of each measurement; the table shows medians", whole, 3)
  .option(
    "--sizes <list>",
    "fleet sizes of the growth table",
    (text: string) => text.split(",").map(whole),
    [5, 10, 25, 100],
  )
  .option("--no-peer", "skip deploy-rs, which cargo builds on first use")
  .option("--write <file>", "also write the tables to this file")
  .addHelpText(
    "after",
    `\nParts:\n${Object.entries(parts)
      .map(([name, what]) => `  ${name.padEnd(10)} ${what}`)
      .join("\n")}`,
  )
  .parse();

const options = program.opts<{ rounds: number; sizes: number[]; peer: boolean; write?: string }>();
const chosen = program.args.length === 0 ? Object.keys(parts) : program.args;
const unknown = chosen.filter((name) => !(name in parts));
if (unknown.length > 0)
  program.error(`unknown part ${unknown.join(", ")}; known parts: ${Object.keys(parts).join(", ")}`);

const steps = createSteps((line) => process.stderr.write(`${line}\n`));
const fleet = new BenchFleet(root);
let ending: Promise<void> | undefined;
const removeFleet = () => {
  ending ??= steps.run("remove the hosts", async () => {
    await stopRuns();
    await fleet.end();
  });
  return ending;
};
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    steps.log(`${signal}: stopping`);
    removeFleet().finally(() => process.exit(130));
  });
}

async function main(): Promise<void> {
  checkPrerequisites();
  const cache = process.env["PANTHEROS_CACHE"];
  if (cache === undefined) throw new Error("PANTHEROS_CACHE is not set; run this through tools/with");
  const peer = options.peer ? new DeployRs(await ensureDeployRs(cache, steps.log), fleet) : undefined;
  try {
    const { rows, growth, columns } = await measure({
      parts: new Set(chosen as Part[]),
      fleet,
      peer,
      rounds: options.rounds,
      sizes: options.sizes,
      steps,
    });
    const tables = [
      machineText(),
      ...(rows.length > 0 ? [rowTable(rows)] : []),
      ...(growth.length > 0 ? [growthTable(columns, growth)] : []),
    ].join("\n\n");
    process.stdout.write(`\n${tables}\n`);
    if (options.write !== undefined) writeFileSync(options.write, `${tables}\n`);
  } finally {
    await removeFleet();
  }
}

await main().catch((error: unknown) => {
  // An interruption makes the running measurement fail; that error needs no message.
  if (ending !== undefined && process.exitCode === 130) return;
  console.error(messageOf(error));
  process.exitCode = 1;
});
