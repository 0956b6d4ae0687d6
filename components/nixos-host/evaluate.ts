/** What Nix says of every host of a stack: one evaluation, in preview and up alike, and nothing is built. */
import { stripVTControlCharacters } from "node:util";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import { shellWord } from "./ssh.ts";

const target = z.object({
  drvPath: z.string(),
  /** Out path; an attribute set with an `outPath` would become that string in JSON. */
  toplevel: z.string(),
  system: z.string(),
  /** What `toplevel/kernel` links to. */
  kernel: z.string(),
  /** Name -> value; where one differs from the running system's, NixOS refuses a live switch. */
  inhibitors: z.record(z.string(), z.string()),
  /** Unit -> what `toplevel/etc/systemd/system/UNIT` links to. */
  units: z.record(z.string(), z.string()),
  /** disko's script, for the first install. */
  disko: z.object({ drvPath: z.string(), script: z.string() }).optional(),
});

/** One host as its flake describes it. */
export type Target = Omit<z.infer<typeof target>, "toplevel"> & { readonly outPath: string };
export type Evaluation = Readonly<Record<string, Target>>;

export interface EvaluateArgs {
  /** Flake reference with the attribute `deployTargets`, such as `./nix`. */
  readonly flake: string;
  readonly hosts: readonly string[];
  /** Input -> reference, instead of what the lock file says. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** Further arguments of `nix eval`, such as `--option eval-cache false`. */
  readonly options?: readonly string[];
  /** Seconds; 600 when left out: a fleet of big hosts evaluates for minutes when nothing is cached. */
  readonly timeoutSeconds?: number;
}

/** A Nix attribute name; quoted, as a host may be called like a keyword. */
const attribute = (name: string): string => `"${name.replace(/["\\$]/g, "\\$&")}"`;

/** `nix eval` of the wanted hosts only: attributes of the others are never looked at. */
export function nixEvalArgv(args: EvaluateArgs): string[] {
  const apply = `ts: { inherit (ts) ${args.hosts.map(attribute).join(" ")}; }`;
  return [
    ...["nix", "--extra-experimental-features", "nix-command flakes", "eval", "--json"],
    ...["--no-write-lock-file", ...(args.options ?? [])],
    ...Object.entries(args.overrides ?? {}).flatMap(([input, ref]) => ["--override-input", input, ref]),
    ...[`${args.flake}#deployTargets`, "--apply", apply],
  ];
}

/** Its exit status goes to the output: a failing invoke would only say "exit status 1" and print all of stderr. */
export function evaluateScript(args: EvaluateArgs): string {
  const words = nixEvalArgv(args).map(shellWord).join(" ");
  const limit = args.timeoutSeconds ?? 600;
  return [
    "t=$(command -v timeout || command -v gtimeout || :)", // macOS has it under either name, or not
    `\${t:+"$t" -k 10 ${limit}} ${words}`,
    'code=$?; echo; echo "exit $code"',
  ].join("\n");
}

export class EvaluationError extends pulumi.RunError {
  readonly exitCode: number | undefined;
  constructor(argv: readonly string[], exitCode: number | undefined, stderr: string) {
    const what = exitCode === 124 ? "did not finish in time" : `failed (exit ${exitCode ?? "unknown"})`;
    super(
      `evaluating the flake ${what}: ${argv.slice(-3, -2)[0] ?? ""}\n${relevantLines(stderr)}\n${evaluationHint(stderr)}\ncommand: ${argv.map(shellWord).join(" ")}`,
    );
    this.exitCode = exitCode;
  }
}

/** Of Nix's error the part that names the cause: from the last `error:` on, without the trace. At most 25 lines. */
export function relevantLines(stderr: string): string {
  const lines = stripVTControlCharacters(stderr)
    .split("\n")
    .filter((line) => line.trim() !== "");
  const last = lines.findLastIndex((line) => /^\s*error:/.test(line));
  return (last < 0 ? lines.slice(-25) : lines.slice(last, last + 25)).join("\n");
}

function evaluationHint(stderr: string): string {
  if (/command not found|No such file or directory.*nix|nix: not found/.test(stderr)) {
    return "hint: Nix is not on PATH: install it, or in the sandbox run `make setup`";
  }
  if (/attribute '.*' missing/.test(stderr)) {
    return "hint: a host of fleet.toml has no configuration in the flake: add nix/hosts/HOST";
  }
  if (/untracked|not tracked by Git/.test(stderr))
    return "hint: flakes see only files Git knows: `git add` the new ones";
  return "hint: the same error comes from `nix eval`, without Pulumi; add --show-trace to it";
}

/** @throws EvaluationError with Nix's own words. */
export function readEvaluation(args: EvaluateArgs, stdout: string, stderr: string): Evaluation {
  const argv = nixEvalArgv(args);
  const found = /^([\s\S]*?)\n?exit (\d+)\s*$/.exec(stdout);
  const code = found?.[2] === undefined ? undefined : Number(found[2]);
  if (found === null || code !== 0) throw new EvaluationError(argv, code, stderr);
  const parsed = z.record(z.string(), target).safeParse(JSON.parse(found[1] ?? ""));
  if (!parsed.success) {
    throw new EvaluationError(
      argv,
      0,
      `error: deployTargets has another form:\n${z.prettifyError(parsed.error)}`,
    );
  }
  return Object.fromEntries(
    Object.entries(parsed.data).map(([host, { toplevel, ...rest }]) => [
      host,
      { ...rest, outPath: toplevel },
    ]),
  );
}

/** The whole stack's evaluation. Its failure ends the program: without it nothing about any host would be true. */
export function evaluate(args: EvaluateArgs, opts?: pulumi.InvokeOutputOptions): pulumi.Output<Evaluation> {
  if (args.hosts.length === 0) return pulumi.output<Evaluation>({});
  const ran: pulumi.Output<command.local.RunResult> = command.local.runOutput(
    // The plugin hangs on a long line that it is to log.
    { command: evaluateScript(args), logging: "none", addPreviousOutputInEnv: false },
    opts,
  );
  return ran.apply(({ stdout, stderr }) => readEvaluation(args, stdout, stderr));
}
