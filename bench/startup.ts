/**
 * Measures the start-up of an edited program: `tools/with node bench/startup.ts [runs]`. Previews the same programs with
 * Node's type stripping and with ts-node's type check, the default of a Pulumi TypeScript project, and prints the ratios
 * of one run. "Ours" loads all components and the inventory of this repository and creates nothing: vendors and hosts
 * are not measured.
 */
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { median } from "./table.ts";

const TS_NODE = "10.9.2";
const runs = Number(process.argv[2] ?? 3);
if (!Number.isSafeInteger(runs) || runs < 1) {
  const isHelp = process.argv[2] === "--help";
  console.log("tools/with node bench/startup.ts [RUNS]   RUNS: previews of each program, 3 by default");
  process.exit(isHelp ? 0 : 2);
}
const root = path.join(import.meta.dirname, "..");
const cache = process.env["PANTHEROS_CACHE"];
if (cache === undefined) throw new Error("PANTHEROS_CACHE is not set; run this through tools/with");

const EMPTY = "export const nothing = 1;\n";
const OURS = [
  'import { Fleet } from "./components/fleet/fleet.ts";',
  'import { loadInventory } from "./inventory/load.ts";',
  'import { planFor } from "./inventory/plan.ts";',
  'const plan = planFor(loadInventory("nix/fleet.toml"), "production");',
  "export const hosts = plan.hosts.length;",
  "export const component = Fleet.name;",
  "",
].join("\n");
const SOURCES = [
  "clients",
  "components",
  "deployer",
  "inventory",
  "lib",
  "outputs",
  "settings",
  "nix/fleet.toml",
  "nix/modules/deployment",
  "tsconfig.json",
];

/** The measured programs; `tsNode`: ts-node runs it. */
const CASES = [
  { name: "empty, Node's own type stripping", source: EMPTY, tsNode: false },
  { name: "ours after an edit, Node's own type stripping", source: OURS, tsNode: false },
  { name: "empty, ts-node", source: EMPTY, tsNode: true },
  { name: "ours after an edit, ts-node with type check", source: OURS, tsNode: true },
] as const;

function main(): void {
  const scratch = mkdtempSync(path.join(tmpdir(), "pantheros-startup-"));
  try {
    const tsNode = ensureTsNode();
    const projects = CASES.map(({ name, source, tsNode: slow }, at) => {
      const directory = makeProject(path.join(scratch, String(at)), source, slow);
      return new Project(
        name,
        directory,
        source === OURS ? '"Fleet"' : "",
        slow ? { NODE_PATH: tsNode } : {},
      );
    });
    for (const project of projects) project.warmUp();
    // In turns, so that other load of the computer affects all alike.
    for (let run = 1; run <= runs; run += 1) {
      for (const project of projects) {
        process.stderr.write(
          `run ${run} of ${runs}: ${project.name}: ${project.editAndPreview(run).toFixed(2)} s\n`,
        );
      }
    }
    const rows = projects.map(({ name, seconds }) => ({ name, seconds: median(seconds) }));
    process.stdout.write(`${table(rows)}\n`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Installs ts-node, which only this measurement uses, into the cache. */
function ensureTsNode(): string {
  const folder = path.join(cache ?? "", `ts-node-${TS_NODE}`);
  const modules = path.join(folder, "node_modules");
  if (!existsSync(path.join(modules, "ts-node/package.json"))) {
    process.stderr.write("installing ts-node from the npm registry\n");
    const packages = [
      `ts-node@${TS_NODE}`,
      "--no-save",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      "--legacy-peer-deps",
    ];
    const result = spawnSync("npm", ["install", "--prefix", folder, ...packages], {
      encoding: "utf8",
      timeout: 300_000,
    });
    if (result.status !== 0) throw new Error(`npm install ts-node: ${result.stderr}`);
  }
  return modules;
}

function makeProject(project: string, source: string, tsNode: boolean): string {
  mkdirSync(project);
  for (const name of SOURCES) cpSync(path.join(root, name), path.join(project, name), { recursive: true });
  symlinkSync(path.join(root, "node_modules"), path.join(project, "node_modules"));
  const file = (name: string, text: string) => writeFileSync(path.join(project, name), text);
  file("package.json", '{ "name": "startup", "type": "module" }\n');
  file("index.ts", source);
  const options = tsNode ? "{ tsconfig: tsconfig.bench.json }" : "{ typescript: false }";
  file("Pulumi.yaml", `name: startup\nmain: index.ts\nruntime: { name: nodejs, options: ${options} }\n`);
  // ts-node emits JavaScript, in which imports of .ts files must be rewritten.
  const compilerOptions = {
    noEmit: false,
    allowImportingTsExtensions: false,
    rewriteRelativeImportExtensions: true,
  };
  file(
    "tsconfig.bench.json",
    JSON.stringify({ extends: "./tsconfig.json", compilerOptions, include: ["index.ts"] }),
  );
  mkdirSync(path.join(project, "state"));
  return project;
}

/** A Pulumi project whose previews are timed; each preview must print `output`. */
class Project {
  readonly name: string;
  readonly seconds: number[] = [];
  readonly #directory: string;
  readonly #output: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(name: string, directory: string, output: string, extra: NodeJS.ProcessEnv) {
    this.name = name;
    this.#directory = directory;
    this.#output = output;
    this.#env = {
      ...process.env,
      ...extra,
      PULUMI_BACKEND_URL: `file://${path.join(directory, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "bench",
      NODE_COMPILE_CACHE: path.join(directory, "compile-cache"),
    };
  }

  /** Creates the stack and fills the caches, as earlier runs would have. */
  warmUp(): void {
    this.#pulumi("stack", "init", "bench");
    const shown = this.#pulumi("preview", "--stack", "bench");
    if (!shown.includes(this.#output)) throw new Error(`the program did not run: ${shown}`);
  }

  /** Edits the entry point and a component, previews, and returns the preview's seconds. */
  editAndPreview(run: number): number {
    for (const name of ["index.ts", "components/fleet/fleet.ts"]) {
      appendFileSync(path.join(this.#directory, name), `// edit ${run}\n`);
    }
    const begin = performance.now();
    this.#pulumi("preview", "--stack", "bench");
    const seconds = (performance.now() - begin) / 1000;
    this.seconds.push(seconds);
    return seconds;
  }

  #pulumi(...args: string[]): string {
    const options = { cwd: this.#directory, env: this.#env, encoding: "utf8", timeout: 300_000 } as const;
    const result = spawnSync("pulumi", [...args, "--non-interactive"], options);
    if (result.status !== 0) throw new Error(`pulumi ${args.join(" ")}\n${result.stdout}${result.stderr}`);
    return result.stdout;
  }
}

function table(rows: readonly { readonly name: string; readonly seconds: number }[]): string {
  const base = rows[0]?.seconds ?? Number.NaN;
  const cells = rows.map(
    ({ name, seconds }) => `| ${name} | ${seconds.toFixed(2)} s | ${(seconds / base).toFixed(2)} |`,
  );
  return [
    `| \`pulumi preview\`, median of ${runs} | time | to the empty program |`,
    "|---|---|---|",
    ...cells,
  ].join("\n");
}

main();
