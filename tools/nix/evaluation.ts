/** What one evaluation took. */
export interface Figures {
  readonly name: string;
  /** From start to end, with reading the flake's inputs. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Heap of the evaluator at its end; it only grows. Source: `gc.heapSize` of NIX_SHOW_STATS. */
  readonly megabytes: number;
}

/** Arguments of nix that put local directories in the place of a flake's inputs. */
export function inputOverrides(inputs: ReadonlyMap<string, string>): string[] {
  return [...inputs].flatMap(([name, directory]) => ["--override-input", name, `path:${directory}`]);
}

/** argv of nix that evaluates hosts to the derivations of their systems, all in one evaluator. */
export function evaluation(flake: string, hosts: readonly string[], overrides: readonly string[]): string[] {
  const drv = (host: string) =>
    `${JSON.stringify(host)} = cs.${JSON.stringify(host)}.config.system.build.toplevel.drvPath;`;
  return [
    "--extra-experimental-features",
    "nix-command flakes",
    "eval",
    "--json",
    `${flake}#nixosConfigurations`,
    "--apply",
    `cs: { ${hosts.map(drv).join(" ")} }`,
    "--no-write-lock-file",
    ...overrides,
  ];
}

/** Reads the file that NIX_SHOW_STATS_PATH names. */
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
