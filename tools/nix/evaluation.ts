import type { EvaluationProcess } from "../../deployer/evaluation/workers.ts";
import { NIX } from "../../deployer/nix.ts";
import { pathReference } from "../../lib/flake-reference.ts";

/** Time and memory of one evaluation. */
export interface Figures {
  readonly name: string;
  /** Wall-clock time, which includes reading the flake's inputs. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** The evaluator's heap at the end, which is its maximum. Source: `gc.heapSize` of NIX_SHOW_STATS. */
  readonly megabytes: number;
}

/** Arguments of nix that replace a flake's inputs with local directories. */
export function inputOverrides(inputs: ReadonlyMap<string, string>): string[] {
  return [...inputs].flatMap(([name, directory]) => ["--override-input", name, pathReference(directory)]);
}

interface Evaluation {
  readonly flake: string;
  readonly hosts: readonly string[];
  readonly overrides: readonly string[];
  /** A Nix function of a host's configuration; by default it returns the derivation of the system. */
  readonly apply?: string;
}

/** The command that evaluates hosts in one process, to `{ HOST = apply configuration; }` as JSON. */
export function evaluationArgv({ flake, hosts, overrides, apply = TOPLEVEL }: Evaluation): string[] {
  const attribute = (host: string) => `${JSON.stringify(host)} = apply cs.${JSON.stringify(host)};`;
  return [
    ...NIX,
    "eval",
    "--json",
    `${flake}#nixosConfigurations`,
    "--apply",
    `cs: let apply = ${apply}; in { ${hosts.map(attribute).join(" ")} }`,
    "--no-write-lock-file",
    ...overrides,
  ];
}

const TOPLEVEL = "c: c.config.system.build.toplevel.drvPath";

/** @param statistics content of the file that NIX_SHOW_STATS_PATH names */
export function figuresOf(name: string, seconds: number, statistics: string): Figures {
  const { cpuTime, gc } = JSON.parse(statistics) as { cpuTime: number; gc?: { heapSize?: number } };
  return { name, seconds, cpuSeconds: cpuTime, megabytes: (gc?.heapSize ?? 0) / 1e6 };
}

/**
 * Rows for the processes that evaluated as the program does, and one for all of them. Their heaps
 * begin at the largest size, so the heaps together are the limit of memory.
 */
export function processFigures(ended: readonly EvaluationProcess[], seconds: number): Figures[] {
  const rows = ended.map((one) => {
    const name = `process: ${one.hosts.join(" ")}`;
    return one.statistics === ""
      ? { name, seconds: one.seconds, cpuSeconds: Number.NaN, megabytes: Number.NaN }
      : figuresOf(name, one.seconds, one.statistics);
  });
  const cpuSeconds = rows.reduce((sum, row) => sum + row.cpuSeconds, 0);
  const megabytes = Math.max(0, ...rows.map((row) => row.megabytes));
  const hosts = new Set(ended.flatMap((one) => one.hosts)).size;
  return [...rows, { name: `as the program: ${hosts} hosts, largest heap`, seconds, cpuSeconds, megabytes }];
}

/** Hosts that could not be evaluated from their own files. */
export const wholeFlakeHosts = (ended: readonly EvaluationProcess[]): string[] => [
  ...new Set(ended.filter(({ attribute }) => attribute === "deployTargets").flatMap(({ hosts }) => hosts)),
];

/** Undefined: the program evaluates the host to the system that `nixosConfigurations` has. */
export const differenceOf = (program: string, configuration: string): string | undefined =>
  program === configuration
    ? undefined
    : `the program's system differs from nixosConfigurations: ${program} and ${configuration}; the host must read only its own folder of hosts/ (docs/nix.md)`;

export function tableOf(rows: readonly Figures[]): string {
  const lines = rows.map(
    ({ name, seconds, cpuSeconds, megabytes }) =>
      `| ${name} | ${seconds.toFixed(1)} | ${cpuSeconds.toFixed(1)} | ${megabytes.toFixed(0)} |`,
  );
  return ["| evaluation | seconds | processor seconds | heap MB |", "|---|---|---|---|", ...lines].join("\n");
}
