/**
 * The pure part of the language host: the command line and environment of the user's program, and the meaning
 * of its exit code. It mirrors the official Node.js language host, so that a project runs the same under either.
 */

/** Exit code of `@pulumi/pulumi/cmd/run` after it has printed the error itself. */
const BAIL_EXIT_CODE = 32;

/** The `runtime.options` of Pulumi.yaml that this host supports. */
export interface RuntimeOptions {
  readonly typescript: boolean;
  readonly nodeargs: readonly string[];
  readonly tsconfig?: string;
}

/** One run of the program, from the engine's request. */
export interface ProgramRun {
  readonly monitor: string;
  readonly engine: string;
  readonly project: string;
  readonly stack: string;
  readonly organization: string;
  readonly pwd: string;
  readonly rootDirectory: string;
  readonly parallel: number;
  readonly dryRun: boolean;
  readonly entryPoint: string;
  readonly args: readonly string[];
  readonly config: Readonly<Record<string, string>>;
  readonly secretKeys: readonly string[];
  readonly options: RuntimeOptions;
}

/** How a child process ended. */
export type ProcessEnd = { readonly code: number } | { readonly signal: string };

/** Reads `runtime.options`. @throws Error with the name of an option whose value has the wrong type. */
export function readOptions(raw: Readonly<Record<string, unknown>>): RuntimeOptions {
  const { typescript = true, nodeargs = "", tsconfig } = raw;
  if (typeof typescript !== "boolean") throw new Error("runtime option typescript must be true or false");
  if (typeof nodeargs !== "string") throw new Error("runtime option nodeargs must be a string");
  if (tsconfig !== undefined && typeof tsconfig !== "string") {
    throw new Error("runtime option tsconfig must be a string");
  }
  return { typescript, nodeargs: splitWords(nodeargs), ...(tsconfig !== undefined && { tsconfig }) };
}

/** Splits a command line into words; single and double quotes group, a backslash escapes outside single quotes. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  const pattern = /(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+/g;
  for (const [word] of line.matchAll(pattern)) {
    words.push(
      word.replace(/\\(.)|'([^']*)'|"((?:[^"\\]|\\.)*)"/g, (_all, escaped, single, double) =>
        typeof escaped === "string" ? escaped : (single ?? String(double).replace(/\\(["\\])/g, "$1")),
      ),
    );
  }
  return words;
}

/** Arguments for node: its own options, the SDK's runner, the runner's options, the program and its arguments. */
export function nodeArguments(run: ProgramRun, runner: string, preload: string): string[] {
  const optional = (flag: string, value: string) => (value === "" ? [] : [`--${flag}`, value]);
  return [
    ...run.options.nodeargs,
    `--import=${preload}`,
    runner,
    ...optional("monitor", run.monitor),
    ...optional("engine", run.engine),
    ...optional("organization", run.organization),
    ...optional("project", run.project),
    ...optional("root-directory", run.rootDirectory),
    ...optional("stack", run.stack),
    ...optional("pwd", run.pwd),
    ...optional("parallel", String(run.parallel)),
    ...(run.dryRun ? ["--dry-run"] : []),
    run.entryPoint,
    ...run.args,
  ];
}

/** Environment of the program: the host's own plus the configuration, which is never in argv. */
export function programEnvironment(run: ProgramRun, base: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    ...base,
    PULUMI_CONFIG: JSON.stringify(run.config),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(run.secretKeys),
    ...(run.options.typescript && { PULUMI_NODEJS_TYPESCRIPT: "true" }),
    ...(run.options.tsconfig !== undefined && { PULUMI_NODEJS_TSCONFIG_PATH: run.options.tsconfig }),
  };
}

/** The result for the engine: no error, an error text, or `bail` when the program has printed its error. */
export function runResult(end: ProcessEnd): { readonly error: string; readonly bail: boolean } {
  if ("signal" in end) return { error: `Program was ended by ${end.signal}`, bail: false };
  if (end.code === 0) return { error: "", bail: false };
  if (end.code === BAIL_EXIT_CODE) return { error: "", bail: true };
  return { error: `Program exited with non-zero exit code: ${end.code}`, bail: false };
}
