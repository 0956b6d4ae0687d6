/** Evaluates all hosts of a stack with one `nix eval`, in preview and up alike. Nothing is built. */

import * as z from "zod";
import { DEFAULT_SECONDS } from "../inventory/seconds.ts";
import { encodeReference } from "../lib/flake-reference.ts";
import { RunError } from "../lib/run-error.ts";
import { printable, quoted } from "../lib/sanitize.ts";
import { NIX } from "./nix.ts";
import { runQuery } from "./process/child.ts";
import type { CommandResult } from "./process/runner.ts";
import { shellWord } from "./ssh.ts";

const target = z.object({
  drvPath: z.string(),
  /** Out path. It is not called `outPath`, because Nix turns a set with that attribute into a string in JSON. */
  toplevel: z.string(),
  system: z.string(),
  /** Target of the link `toplevel/kernel`. */
  kernel: z.string(),
  /** Name -> value. When a value differs from the running system's, NixOS refuses a live switch. */
  inhibitors: z.record(z.string(), z.string()),
  /** Unit -> target of the link `toplevel/etc/systemd/system/UNIT`. */
  units: z.record(z.string(), z.string()),
  /** disko's script, for the installation. */
  disko: z.object({ drvPath: z.string(), script: z.string() }).optional(),
});

/** One host as the flake describes it. */
export type Target = Omit<z.infer<typeof target>, "toplevel"> & { readonly outPath: string };
export type Evaluation = Readonly<Record<string, Target>>;

export interface EvaluateArgs {
  /** Flake reference with the attribute `deployTargets`, such as `./nix`. */
  readonly flake: string;
  readonly hosts: readonly string[];
  /** Flake input -> reference that replaces the locked one. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** Further arguments of `nix eval`, such as `--option eval-cache false`. */
  readonly options?: readonly string[];
  /** Seconds. A large fleet evaluates for minutes when nothing is cached. */
  readonly timeoutSeconds?: number;
}

/** Of Nix's output for all hosts. */
const MAX_BYTES = 2 ** 28;

/** A quoted Nix attribute name, because a host's name may be a keyword. */
const attribute = (name: string): string => `"${name.replace(/["\\$]/g, "\\$&")}"`;

/** Evaluates the given hosts only; Nix is lazy, so the others cost nothing. */
export function nixEvalArgv(args: EvaluateArgs): string[] {
  const apply = `ts: { inherit (ts) ${args.hosts.map(attribute).join(" ")}; }`;
  return [
    ...[...NIX, "eval", "--json"],
    ...["--no-write-lock-file", ...(args.options ?? [])],
    ...Object.entries(args.overrides ?? {}).flatMap(([input, ref]) => [
      "--override-input",
      input,
      encodeReference(ref),
    ]),
    ...[`${encodeReference(args.flake)}#deployTargets`, "--apply", apply],
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

/** The cause in Nix's output: at most 25 lines from the last `error:` on, without the trace. */
export function relevantLines(stderr: string): string {
  const lines = printable(stderr)
    .split("\n")
    .filter((line) => line.trim() !== "");
  const last = lines.findLastIndex((line) => /^\s*error:/.test(line));
  return (last < 0 ? lines.slice(-25) : lines.slice(last, last + 25)).join("\n");
}

function evaluationHint(stderr: string): string {
  if (/spawn nix ENOENT/.test(stderr)) {
    return "hint: Nix is not on PATH: install it, or run `make setup` for the sandbox";
  }
  if (/attribute '.*' missing/.test(stderr)) {
    return "hint: a host of fleet.toml has no configuration in the flake: add nix/hosts/HOST";
  }
  if (/untracked|not tracked by Git/.test(stderr))
    return "hint: a flake contains only files that Git tracks: `git add` the new ones";
  return "hint: run the command below without Pulumi; --show-trace adds the trace";
}

/** @throws EvaluationError with Nix's error. */
export function readEvaluation(args: EvaluateArgs, ran: CommandResult): Evaluation {
  const argv = nixEvalArgv(args);
  if (ran.exitCode !== 0) throw new EvaluationError(argv, ran);
  const parsed = z.record(z.string(), target).safeParse(JSON.parse(ran.stdout));
  if (!parsed.success) {
    const stderr = `error: deployTargets does not have the expected form:\n${z.prettifyError(parsed.error)}`;
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
 * Starts the evaluation at once, so that Nix runs while the program loads. A failure ends the program, because nothing about any host
 * would be true without it.
 */
export function evaluate(args: EvaluateArgs): Promise<Evaluation> {
  if (args.hosts.length === 0) return Promise.resolve({});
  const timeoutSeconds = args.timeoutSeconds ?? DEFAULT_SECONDS.evaluate;
  const question = { argv: nixEvalArgv(args), timeoutSeconds, maxOutputBytes: MAX_BYTES, ownGroup: false };
  const evaluation = runQuery(question).then((ran) => readEvaluation(args, ran));
  evaluation.catch(() => {}); // each user of the promise gets the error; this only marks it as handled
  return evaluation;
}
