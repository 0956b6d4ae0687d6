/** What Nix says of every host of a stack: one evaluation, in preview and up alike, and nothing is built. */

import * as z from "zod";
import { DEFAULT_SECONDS } from "../inventory/seconds.ts";
import { RunError } from "../lib/run-error.ts";
import { printable, quoted } from "../lib/sanitize.ts";
import { runQuery } from "./process/child.ts";
import type { CommandResult } from "./process/runner.ts";
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
  /** Seconds: a fleet of big hosts evaluates for minutes when nothing is cached. */
  readonly timeoutSeconds?: number;
}

/** Of what Nix says of all hosts. */
const MAX_BYTES = 2 ** 28;

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

export class EvaluationError extends RunError {
  constructor(argv: readonly string[], { exitCode, timedOut, stderr }: Omit<CommandResult, "stdout">) {
    const how = timedOut ? "did not finish in time" : `failed (exit ${exitCode ?? "unknown"})`;
    super(
      `evaluating the flake ${how}: ${argv.slice(-3, -2)[0] ?? ""}\n${quoted(relevantLines(stderr))}\n${evaluationHint(stderr)}\ncommand: ${argv.map(shellWord).join(" ")}`,
    );
  }
}

/** Of Nix's error the part that names the cause: from the last `error:` on, without the trace. At most 25 lines. */
export function relevantLines(stderr: string): string {
  const lines = printable(stderr)
    .split("\n")
    .filter((line) => line.trim() !== "");
  const last = lines.findLastIndex((line) => /^\s*error:/.test(line));
  return (last < 0 ? lines.slice(-25) : lines.slice(last, last + 25)).join("\n");
}

function evaluationHint(stderr: string): string {
  if (/spawn nix ENOENT/.test(stderr)) {
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
export function readEvaluation(args: EvaluateArgs, ran: CommandResult): Evaluation {
  const argv = nixEvalArgv(args);
  if (ran.exitCode !== 0) throw new EvaluationError(argv, ran);
  const parsed = z.record(z.string(), target).safeParse(JSON.parse(ran.stdout));
  if (!parsed.success) {
    const stderr = `error: deployTargets has another form:\n${z.prettifyError(parsed.error)}`;
    throw new EvaluationError(argv, { ...ran, stderr });
  }
  return Object.fromEntries(
    Object.entries(parsed.data).map(([host, { toplevel, ...rest }]) => [
      host,
      { ...rest, outPath: toplevel },
    ]),
  );
}

/**
 * The whole stack's evaluation. It begins at once, so that Nix works while the program loads. Its failure ends the program: without it
 * nothing about any host would be true.
 */
export function evaluate(args: EvaluateArgs): Promise<Evaluation> {
  if (args.hosts.length === 0) return Promise.resolve({});
  const timeoutSeconds = args.timeoutSeconds ?? DEFAULT_SECONDS.evaluate;
  const question = { argv: nixEvalArgv(args), timeoutSeconds, maxOutputBytes: MAX_BYTES, ownGroup: false };
  const evaluation = runQuery(question).then((ran) => readEvaluation(args, ran));
  evaluation.catch(() => {}); // whoever uses it is told; until then it is not unhandled
  return evaluation;
}
