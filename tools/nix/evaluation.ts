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

export function tableOf(rows: readonly Figures[]): string {
  const lines = rows.map(
    ({ name, seconds, cpuSeconds, megabytes }) =>
      `| ${name} | ${seconds.toFixed(1)} | ${cpuSeconds.toFixed(1)} | ${megabytes.toFixed(0)} |`,
  );
  return ["| evaluation | seconds | processor seconds | heap MB |", "|---|---|---|---|", ...lines].join("\n");
}
