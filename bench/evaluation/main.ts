/**
 * Measures the evaluation of a fleet after no change, after a change of one host and after a change of all
 * hosts, and compares it with one `nix eval` of all hosts. Run it with
 * `tools/with node bench/evaluation/main.ts`; it does not need root.
 */
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Command } from "commander";
import * as z from "zod";
import type { EvaluateArgs } from "../../deployer/evaluation/evaluate.ts";
import { evaluationLimits, thisComputer } from "../../deployer/evaluation/limits.ts";
import { NIX } from "../../deployer/nix.ts";
import { pathReference } from "../../lib/flake-reference.ts";
import { machineText } from "../machine.ts";
import { must, processorOf, stopRuns } from "../run.ts";

const here = import.meta.dirname;
const program = new Command("bench/evaluation")
  .description(
    "Measure evaluations of fleets: nothing, one host and all hosts changed, against one evaluation of all.",
  )
  .option(
    "--sizes <list>",
    "numbers of synthetic hosts",
    (text: string) => text.split(",").map(Number),
    [11, 50, 100],
  )
  .option("--flake <directory>", "a real flake instead, of which one host's folder is changed")
  .option("--inputs <directory>", "with --flake: directories that replace the inputs of their names")
  .option("--hosts <names>", "with --flake: the hosts, separated by commas; the first one is changed")
  .option("--max-baseline <hosts>", "the largest fleet that is also evaluated in one process", Number, 11)
  .parse();
const options = program.opts<{
  sizes: number[];
  flake?: string;
  inputs?: string;
  hosts?: string;
  maxBaseline: number;
}>();

interface Subject {
  readonly flake: string;
  readonly hosts: readonly string[];
  readonly overrides: Readonly<Record<string, string>>;
  /** A file that only the first host reads; the benchmark appends a comment to it. */
  readonly own: string;
  /** A file that every host reads. */
  readonly shared: string;
}

const scratch = mkdtempSync(path.join(tmpdir(), "pantheros-bench-evaluation-"));

function synthetic(size: number): Subject {
  const flake = path.join(scratch, `fleet-${size}`);
  const hosts = Array.from({ length: size }, (_, at) => `host-${at}`);
  cpSync(here, flake, { recursive: true, filter: (file) => !file.endsWith(".ts") });
  for (const host of hosts) {
    mkdirSync(path.join(flake, "hosts", host), { recursive: true });
    writeFileSync(path.join(flake, "hosts", host, "default.nix"), '{ seed = "1"; }\n');
  }
  return { flake, hosts, overrides: {}, own: "hosts/host-0/default.nix", shared: "host.nix" };
}

function real(directory: string): Subject {
  const flake = path.join(scratch, "flake");
  cpSync(directory, flake, { recursive: true });
  const hosts = (options.hosts ?? "").split(",");
  const inputs = options.inputs === undefined ? [] : readdirSync(options.inputs);
  const overrides = Object.fromEntries(
    inputs.map((name) => [name, pathReference(realpathSync(path.resolve(options.inputs ?? "", name)))]),
  );
  return { flake, hosts, overrides, own: `hosts/${hosts[0]}/default.nix`, shared: "lib/mk-host.nix" };
}

interface Row {
  readonly name: string;
  readonly seconds: number;
  readonly processor: number;
  readonly memory: number;
}

const measured = z.object({ seconds: z.number(), processor: z.number() });

async function evaluation(name: string, subject: Subject): Promise<Row> {
  const args: EvaluateArgs = {
    flake: pathReference(subject.flake),
    hosts: subject.hosts,
    overrides: subject.overrides,
    // Hosts of the same name and files are the same in every fleet.
    cache: `${subject.flake}-results`,
    timeoutSeconds: 3600,
  };
  const argv = [process.execPath, path.join(here, "once.ts"), JSON.stringify(args)];
  const { stdout, memory } = await must(argv, { memory: true, limit: 3600 });
  return { name, ...measured.parse(JSON.parse(stdout)), memory };
}

/** One `nix eval` of all hosts, as other deploy tools do it. */
async function baseline({ flake, hosts, overrides }: Subject): Promise<Row> {
  const apply = `targets: { inherit (targets) ${hosts.map((host) => JSON.stringify(host)).join(" ")}; }`;
  const inputs = Object.entries(overrides).flatMap(([input, reference]) => [
    "--override-input",
    input,
    reference,
  ]);
  const before = processorOf(process.pid);
  const { seconds, memory } = await must(
    [
      ...NIX,
      "eval",
      "--json",
      "--no-write-lock-file",
      ...inputs,
      `${pathReference(flake)}#deployTargets`,
      "--apply",
      apply,
    ],
    { memory: true, limit: 3600 },
  );
  return { name: "one `nix eval`", seconds, processor: processorOf(process.pid) - before, memory };
}

async function measure(subject: Subject): Promise<Row[]> {
  const rows: Row[] = [];
  const add = async (row: Promise<Row>) => {
    rows.push(await row);
    process.stderr.write(`${subject.hosts.length} hosts, ${rowText(rows.at(-1))}\n`);
  };
  if (subject.hosts.length <= options.maxBaseline) await add(baseline(subject));
  await add(evaluation("all changed", subject));
  await add(evaluation("nothing changed", subject));
  appendFileSync(path.join(subject.flake, subject.own), "# changed\n");
  await add(evaluation("one host changed", subject));
  appendFileSync(path.join(subject.flake, subject.shared), "# changed\n");
  await add(evaluation("all changed again", subject));
  return rows;
}

const rowText = (row: Row | undefined): string =>
  row === undefined
    ? ""
    : `${row.name} | ${row.seconds.toFixed(1)} s | ${row.processor.toFixed(1)} s | ${row.memory.toFixed(0)} MiB`;

const removeScratch = () => rmSync(scratch, { recursive: true, force: true });
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => {
    void stopRuns().finally(() => {
      removeScratch();
      process.exit(130);
    });
  });
}
try {
  const { workers, memoryMb } = evaluationLimits({}, thisComputer());
  const lines = [
    "| hosts | evaluation | seconds | processor | peak memory |",
    "| --- | --- | --- | --- | --- |",
  ];
  const subjects = options.flake === undefined ? options.sizes.map(synthetic) : [real(options.flake)];
  for (const subject of subjects) {
    for (const row of await measure(subject)) lines.push(`| ${subject.hosts.length} | ${rowText(row)} |`);
  }
  console.log([machineText(), `${workers} processes, ${memoryMb} MB together.`, "", ...lines].join("\n"));
} finally {
  removeScratch();
}
