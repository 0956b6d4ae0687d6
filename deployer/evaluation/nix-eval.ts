/** Evaluates several hosts in one `nix eval`, one after another, and reports each result at once. */
import { randomBytes } from "node:crypto";
import * as z from "zod";
import { encodeReference } from "../../lib/flake-reference.ts";
import { NIX } from "../nix.ts";
import { runQuery } from "../process/child.ts";
import type { CommandResult } from "../process/runner.ts";
import { type FixedFlake, type FlakeArgs, flakeArguments, quotedName } from "./flake.ts";
import { type EvaluatedTarget, target } from "./target.ts";

/** What a process of Nix evaluates, and how it finds a host's target in it. */
export interface EvaluationSource {
  readonly flake: FlakeArgs;
  /** The output that is read. */
  readonly attribute: string;
  /** A Nix function for these hosts: output -> host -> target. */
  readonly targetOf: (hosts: readonly string[]) => string;
  /** Equal fingerprints mean equal results of the host. Undefined: its result may not be kept. */
  readonly fingerprint: (host: string) => string | undefined;
}

/** The whole flake. Its attribute `deployTargets` is a set of targets. */
export const wholeFlake = (flake: FixedFlake): EvaluationSource => ({
  flake,
  attribute: "deployTargets",
  targetOf: () =>
    `targets: host: targets.\${host} or (throw "the flake's deployTargets has no host \\"\${host}\\"")`,
  fingerprint: () => flake.fingerprint,
});

/**
 * The expression that prints the results. Nix prints the value of an evaluation only at its end, so
 * each result is a trace: a line of stderr that contains `mark`. The first trace shows that the
 * output itself was read. Nix is lazy, so other hosts cost nothing.
 */
const streamExpression = (source: EvaluationSource, hosts: readonly string[], mark: string): string =>
  [
    `output: let line = value: builtins.trace "${mark}\${builtins.toJSON value}" null;`,
    `targetOf = (${source.targetOf(hosts)}) output;`,
    "result = _: host: line { inherit host; target = targetOf host; };",
    "in builtins.seq (builtins.seq output (line {}))",
    `(builtins.foldl' result null [ ${hosts.map(quotedName).join(" ")} ])`,
  ].join(" ");

/** Evaluates the hosts in the given order. `mark` must not occur in other output. */
const nixEvalArgv = (source: EvaluationSource, hosts: readonly string[], mark: string): string[] => [
  ...[...NIX, "eval", "--json", "--log-format", "raw"],
  ...flakeArguments(source.flake),
  `${encodeReference(source.flake.flake)}#${source.attribute}`,
  ...["--apply", streamExpression(source, hosts, mark)],
];

const line = z.object({ host: z.string().optional(), target: z.unknown().optional() });

export type Found = { readonly target: EvaluatedTarget } | { readonly malformed: string };

export interface NixEvalArgs {
  readonly source: EvaluationSource;
  readonly hosts: readonly string[];
  readonly timeoutSeconds: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly onHost: (host: string, found: Found) => void;
}

/** Limit of stdout, which contains no result. */
const MAX_BYTES = 2 ** 20;

export interface NixEvalResult extends Omit<CommandResult, "stdout"> {
  /** True: Nix read the output, so an error belongs to the first host without a result. */
  readonly begun: boolean;
}

/** Runs one `nix eval`, and calls `onHost` for each host as soon as its result is known. */
export async function nixEval({ source, hosts, onHost, ...limits }: NixEvalArgs): Promise<NixEvalResult> {
  const mark = `pantheros-${randomBytes(8).toString("hex")} `;
  const prefix = `trace: ${mark}`;
  let begun = false;
  const takesLine = (text: string): boolean => {
    if (!text.startsWith(prefix)) return false;
    const found = parsedLine(text.slice(prefix.length));
    if (found === undefined) return false;
    const { host, target: value } = found;
    begun = true;
    if (host !== undefined) onHost(host, read(host, value));
    return true;
  };
  const ran = await runQuery({
    argv: nixEvalArgv(source, hosts, mark),
    ...limits,
    maxOutputBytes: MAX_BYTES,
    ownGroup: false,
    takesLine,
  });
  return { ...ran, begun };
}

/** Undefined: a process that was killed has not written the whole line. */
function parsedLine(text: string): z.infer<typeof line> | undefined {
  try {
    return line.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function read(host: string, value: unknown): Found {
  const checked = target.safeParse(value);
  if (checked.success) return { target: value as EvaluatedTarget };
  return {
    malformed: `error: deployTargets.${host} does not have the expected form:\n${z.prettifyError(checked.error)}`,
  };
}
