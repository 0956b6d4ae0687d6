/**
 * Measures what the design promises, as ratios of one run: `make bench`, or for a part `tools/with node bench/main.ts --help`.
 * Its hosts are a sandbox of its own, which is taken down afterwards, also when somebody interrupts.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { Command } from "commander";
import { checkPrerequisites } from "../sandbox/cli/prerequisites.ts";
import { createSteps } from "../sandbox/cli/steps.ts";
import { DeployRs, provideDeployRs } from "./deploy-rs.ts";
import { BenchFleet } from "./fleet.ts";
import { machineText } from "./machine.ts";
import { measure, type Part, parts } from "./parts.ts";
import { stopRuns } from "./run.ts";
import { growthTable, rowTable } from "./table.ts";

const root = path.join(import.meta.dirname, "..");
const whole = (text: string) => Number.parseInt(text, 10);

const program = new Command("bench")
  .description(
    "Deploys, previews and rollbacks on sandbox hosts, beside deploy-rs and plain commands (root).",
  )
  .argument("[part...]", `${Object.keys(parts).join(", ")}; all when left out`)
  .option("--rounds <n>", "turns of each measurement; medians are shown", whole, 3)
  .option(
    "--sizes <list>",
    "fleets of the growth table",
    (text: string) => text.split(",").map(whole),
    [5, 10, 25, 100],
  )
  .option("--no-peer", "without deploy-rs, which is built with cargo on first use")
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
  program.error(`unknown part ${unknown.join(", ")}; there are ${Object.keys(parts).join(", ")}`);

const steps = createSteps((line) => process.stderr.write(`${line}\n`));
const fleet = new BenchFleet(root);
let ending: Promise<void> | undefined;
const takeDown = () => {
  ending ??= steps.run("taking the hosts down", async () => {
    await stopRuns();
    await fleet.end();
  });
  return ending;
};
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    steps.log(`${signal}: stops`);
    takeDown().finally(() => process.exit(130));
  });
}

async function main(): Promise<void> {
  checkPrerequisites();
  const cache = process.env["PANTHEROS_CACHE"];
  if (cache === undefined) throw new Error("start this through tools/with");
  const peer = options.peer ? new DeployRs(await provideDeployRs(cache, steps.log), fleet) : undefined;
  try {
    const { rows, growth, columns } = await measure({
      parts: new Set(chosen as Part[]),
      ...{ fleet, peer, rounds: options.rounds, sizes: options.sizes, steps },
    });
    const tables = [
      machineText(),
      ...(rows.length > 0 ? [rowTable(rows)] : []),
      ...(growth.length > 0 ? [growthTable(columns, growth)] : []),
    ].join("\n\n");
    process.stdout.write(`\n${tables}\n`);
    if (options.write !== undefined) writeFileSync(options.write, `${tables}\n`);
  } finally {
    await takeDown();
  }
}

await main().catch((error: unknown) => {
  // What an interruption broke is no news.
  if (ending !== undefined && process.exitCode === 130) return;
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
