/** The stack's last resource: fails when a required host has not converged, after every host was deployed to. */
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { DeployResult } from "../../deployer/protocol/result.ts";
import { lastLine, oneLine, quoted, shownPath } from "../../lib/sanitize.ts";
import { sha256 } from "../../lib/sha256.ts";
import { IGNORED_COMMAND_INPUTS } from "../command-inputs.ts";
import { outputsAnswered } from "../outputs-answered.ts";

export interface HostVerdict {
  readonly result: DeployResult;
  readonly converge: "must" | "best-effort";
  /** False: the run is not for this host, and `result` is that of an earlier run. */
  readonly selected?: boolean;
}

export interface VerdictText {
  readonly failed: boolean;
  /** One line for each host, and details for those that failed. */
  readonly text: string;
}

/**
 * Text from a host carries a prefix (sanitize.ts), so it never looks like a line of this program.
 * @param explained details -> the host under which the text has them already. One cause can fail
 *   every host.
 */
function hostText(
  { result, converge, selected = true }: HostVerdict,
  explained: Map<string, string>,
): string {
  const { outcome, command: failedCommand, exitCode, reason, hint, running } = result;
  const host = oneLine(result.host, 63);
  if (!selected) return `${host}: not selected; its last deploy ended ${outcome}`;
  if (outcome === "confirmed") {
    const warnings = (result.warnings ?? []).map((warning) => `\n${quoted(warning, "  warning: ")}`).join("");
    return `${host}: confirmed, generation ${result.generation ?? "?"}${warnings}`;
  }
  if (outcome === "staged") return `${host}: staged, boots next: ${lastLine(reason ?? "")}`;
  if (outcome === "held") return `${host}: held: ${lastLine(reason ?? "")}; not touched`;
  if (outcome === "offline") return `${host}: offline; not touched`;
  const step = result.step === undefined ? "" : ` at ${oneLine(result.step, 64)}`;
  const head = `${host}: ${outcome}${step}${converge === "must" ? "" : " (best effort)"}`;
  const lines: string[] = [];
  if (reason !== undefined && reason !== "") lines.push(quoted(reason, "  reason:  "));
  if (failedCommand !== undefined) {
    lines.push(
      `${quoted(failedCommand, "  command: ")}${exitCode === undefined ? "" : ` (exit ${exitCode})`}`,
    );
  }
  if (hint !== undefined) lines.push(`  hint:    ${oneLine(hint, 1000)}`);
  lines.push(`  runs:    ${running === undefined ? "unknown" : shownPath(running)}`);
  const details = lines.join("\n");
  const same = explained.get(details);
  if (same !== undefined) return `${head}, as ${same}`;
  explained.set(details, host);
  return `${head}\n${details}`;
}

function convergedText(required: number, some: boolean): string {
  const kind = some ? "selected required" : "required";
  if (required === 0) return `no ${kind} hosts`;
  return required === 1 ? `the ${kind} host converged` : `all ${required} ${kind} hosts converged`;
}

/** Failed hosts first, then held ones, then the rest, each group by name. */
export function verdictText(hosts: readonly HostVerdict[], problems: readonly string[] = []): VerdictText {
  const rank = ({ result, converge, selected }: HostVerdict): number => {
    if (selected === false) return 3;
    if (result.outcome === "staged") return 2;
    if (result.outcome === "confirmed" || result.outcome === "offline")
      return converge === "must" && result.outcome === "offline" ? 0 : 2;
    return result.outcome === "held" ? 1 : converge === "must" ? 0 : 2;
  };
  const sorted = [...hosts].sort((a, b) => rank(a) - rank(b) || (a.result.host < b.result.host ? -1 : 1));
  const count = (wanted: number) => sorted.filter((host) => rank(host) === wanted).length;
  const failed = problems.length > 0 || sorted.some((host) => rank(host) < 2 && host.converge === "must");
  const counted = hosts.filter(({ selected }) => selected !== false);
  const others = problems.length === 1 ? ", 1 other problem" : `, ${problems.length} other problems`;
  const head = failed
    ? `${count(0)} of ${counted.length} ${counted.length < hosts.length ? "selected " : ""}hosts not converged${count(1) > 0 ? `, ${count(1)} held` : ""}${problems.length > 0 ? others : ""}`
    : convergedText(
        counted.filter(({ converge }) => converge === "must").length,
        counted.length < hosts.length,
      );
  const explained = new Map<string, string>();
  const texts = sorted.map((host) => hostText(host, explained));
  return { failed, text: [head, ...problems.map((line) => oneLine(line)), ...texts].join("\n") };
}

/** Made from outcomes and tokens only: durations and the like differ between runs without a reason. */
export function verdictTrigger(hosts: readonly HostVerdict[], problems: readonly string[]): string {
  const lines = hosts.map(({ result, converge }) =>
    [result.host, result.outcome, result.token, converge].join(" "),
  );
  return sha256([...lines.sort(), ...problems].join("\n")).slice(0, 16);
}

export interface VerdictArgs {
  readonly hosts: readonly {
    readonly result: pulumi.Output<DeployResult>;
    readonly converge: HostVerdict["converge"];
    readonly selected?: boolean;
  }[];
  /** Other problems of the stack, one line each, naming the host; empty when there are none. */
  readonly problems?: pulumi.Input<readonly string[]>;
}

/** One per stack; nothing may depend on it. A failed creation leaves no state, so the next run creates it again. */
export class Verdict extends pulumi.ComponentResource {
  readonly text: pulumi.Output<string>;

  constructor(name: string, args: VerdictArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:nixos:Verdict", name, {}, opts);
    const hosts = pulumi.all(
      args.hosts.map(({ result, converge, selected = true }) =>
        result.apply((settled): HostVerdict => ({ result: settled, converge, selected })),
      ),
    );
    // After a failure the engine accepts nothing more, so it must have the stack's outputs first.
    const all = pulumi.all([hosts, pulumi.output(args.problems ?? []), pulumi.output(outputsAnswered())]);
    const verdict = all.apply(([verdicts, problems]) => verdictText(verdicts, problems));
    new command.local.Command(
      name,
      {
        create: 'printf "%s\\n" "$PANTHEROS_VERDICT" >&2; exit "$PANTHEROS_VERDICT_EXIT"',
        environment: {
          PANTHEROS_VERDICT: verdict.text,
          PANTHEROS_VERDICT_EXIT: verdict.failed.apply((failed) => (failed ? "1" : "0")),
        },
        triggers: [all.apply(([verdicts, problems]) => verdictTrigger(verdicts, problems))],
        logging: "none",
        addPreviousOutputInEnv: false,
      },
      { parent: this, ignoreChanges: IGNORED_COMMAND_INPUTS },
    );
    // The command prints the text when it fails; on success it is logged here.
    if (!pulumi.runtime.isDryRun()) {
      verdict.apply(({ failed, text }) => (failed ? undefined : pulumi.log.info(text, this)));
    }
    this.text = verdict.text;
    this.registerOutputs({ text: this.text });
  }
}
