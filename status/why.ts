/** Why a host does not run what is wanted: the chain of causes and the next command. Pure functions. */
import { firstNames } from "../lib/names.ts";
import { lastLine, oneLine } from "../lib/sanitize.ts";
import { shortHash } from "../lib/store-path.ts";
import type { Revision } from "../outputs/contract.ts";
import type { FleetFacts, HostDetail } from "./detail.ts";

/** What keeps a host from running the wanted system. `kernel` and `units` concern a host that runs it. */
export type CauseKind =
  | "never-deployed"
  | "evaluation"
  | "step"
  | "rolled-back"
  | "wave"
  | "missed"
  | "unreachable"
  | "refused"
  | "activating"
  | "drift"
  | "reboot"
  | "kernel"
  | "units"
  | "pinned"
  | "undeployed"
  | "not-selected";

export interface Cause {
  readonly kind: CauseKind;
  /** The host that it is true of: the asked one, or one that holds it. */
  readonly host: string;
  readonly text: string;
  /** What may remove it. */
  readonly hint?: string;
}

/** The answer of `why --json`. Within one version fields are only added. */
export interface Why {
  readonly schemaVersion: 1;
  readonly stack: string;
  readonly host: string;
  readonly state: HostDetail["status"]["state"];
  /** Whether it runs and has confirmed the wanted system; absent: not known, because the host was not reached. */
  readonly converged?: boolean;
  /** The answer in one line. */
  readonly answer: string;
  /** The first is the host's own; a cause of a different host explains why that host holds it. */
  readonly causes: readonly Cause[];
  /** Commands, in their order. */
  readonly next: readonly string[];
}

/** A checkout whose deploy is asked for; null where Git has no answer. */
export interface Deployable {
  readonly commit: string | null;
  readonly tree: string | null;
  readonly dirty: boolean | null;
}

/** The last `up` that was recorded on this computer. */
export interface LastUp {
  readonly id: string;
  /** Its selection of hosts. */
  readonly on?: string;
  /** Hosts that it was not for. */
  readonly unselected: readonly string[];
}

/** What is known beside the fleet's facts. */
export interface WhyContext {
  /** What the next run would deploy from. */
  readonly checkout?: Deployable | undefined;
  readonly lastUp?: LastUp | undefined;
  /** When the first of the newest runs began that all found the host offline (RFC 3339). */
  readonly offlineSince?: string | undefined;
}

/** Earlier hosts that are explained; more would hide the first one. */
const MAX_EXPLAINED = 5;

/** A command for the stack, as a person types it. */
const stackCommand = (words: string, stack: string): string =>
  `tools/pantheros ${words}${stack.split("/").at(-1) === "sandbox" ? "" : ` --stack ${stack}`}`;

const atStep = ({ step }: HostDetail): string => (step === undefined ? "" : ` at ${oneLine(step, 64)}`);
const because = ({ reason }: HostDetail): string => (reason === undefined ? "" : `: ${lastLine(reason)}`);

/** The cause that the last run left; undefined: the host converged. */
function ofLastRun(detail: HostDetail): Cause | undefined {
  const { status, step, reason } = detail;
  const host = status.name;
  const hint = detail.hint === undefined ? {} : { hint: oneLine(detail.hint, 1000) };
  switch (status.outcome) {
    case undefined:
      if (status.state !== "new") return undefined;
      return { kind: "never-deployed", host, text: status.detail ?? "the stack has never deployed it" };
    case "failed":
      return step === "evaluate"
        ? { kind: "evaluation", host, text: `its configuration has an error${because(detail)}`, ...hint }
        : { kind: "step", host, text: `the last deploy failed${atStep(detail)}${because(detail)}`, ...hint };
    case "rolled-back":
      return {
        kind: "rolled-back",
        host,
        text: `the last deploy was rolled back${atStep(detail)}${because(detail)}`,
        ...hint,
      };
    case "held":
      return {
        kind: "wave",
        host,
        text: `the last run did not touch it: it ${reason === undefined ? "waits for an earlier wave" : lastLine(reason)}`,
      };
    case "offline":
      return {
        kind: "missed",
        host,
        text: "it was offline in the last run, so it was not deployed to",
        hint: "the next up deploys to it when it answers",
      };
    case "staged":
      return {
        kind: "reboot",
        host,
        text: `the wanted system boots next${because(detail)}`,
        hint:
          detail.reboot === "never"
            ? "a deploy does not reboot this host (`reboot` in the inventory): reboot it, then run up, which confirms it"
            : "reboot it, then run up, which confirms it",
      };
    default:
      return undefined;
  }
}

/** What is true of the host now, beside the last run. */
function ofNow({ status, reachHint, kernel, bootedKernel }: HostDetail): Cause[] {
  const host = status.name;
  const text = status.detail ?? status.state;
  const hint = reachHint === undefined ? {} : { hint: oneLine(reachHint, 1000) };
  if (status.reachable === false && status.state !== "new") {
    return status.state === "failed"
      ? [{ kind: "refused", host, text: `what answers is not accepted as this host: ${text}`, ...hint }]
      : [{ kind: "unreachable", host, text: `it does not answer now: ${text}`, ...hint }];
  }
  const units = status.failedUnits ?? [];
  const isOtherKernel = kernel !== undefined && bootedKernel !== undefined && kernel !== bootedKernel;
  return [
    ...(status.state === "activating"
      ? [{ kind: "activating", host, text: `an activation is under way: ${text}` } as const]
      : []),
    ...(status.state === "drifted" ? [{ kind: "drift", host, text } as const] : []),
    ...(units.length > 0
      ? [{ kind: "units", host, text: `failed units: ${oneLine(firstNames(units), 300)}` } as const]
      : []),
    ...(isOtherKernel
      ? [
          {
            kind: "kernel",
            host,
            text: "the kernel of an earlier system runs until the next reboot",
          } as const,
        ]
      : []),
  ];
}

function ofPin({ status }: HostDetail): Cause[] {
  if (status.pinned === undefined) return [];
  const text = `it is pinned to ${shortHash(status.pinned)} on purpose: runs do not deploy the flake's system`;
  return [{ kind: "pinned", host: status.name, text }];
}

/** The refusal to connect is first, because nothing else can be removed before it. */
function ownCauses(detail: HostDetail): Cause[] {
  const now = ofNow(detail);
  const last = ofLastRun(detail);
  const isNow = ({ kind }: Cause) => kind === "refused" || kind === "unreachable" || kind === "activating";
  return [
    ...now.filter(isNow),
    ...(last === undefined ? [] : [last]),
    ...now.filter((cause) => !isNow(cause)),
    ...ofPin(detail),
  ];
}

/** The hosts that the reason of a held deploy names and that still hold it. */
function holders(detail: HostDetail, fleet: FleetFacts): HostDetail[] {
  if (detail.status.outcome !== "held") return [];
  const named = new Set((detail.reason ?? "").match(/[a-z0-9][a-z0-9-]*(?= \()/g) ?? []);
  return fleet.details.filter(
    (other) => named.has(other.status.name) && other !== detail && ownCauses(other).length > 0,
  );
}

/** The causes of the hosts that hold `detail`, and of those that hold them, each host once. */
function heldCauses(detail: HostDetail, fleet: FleetFacts): Cause[] {
  const seen = new Set([detail]);
  for (const each of seen) {
    for (const holder of holders(each, fleet)) if (seen.size <= MAX_EXPLAINED) seen.add(holder);
  }
  return [...seen].slice(1).flatMap(ownCauses);
}

/** Adds since when the host does not answer, as far as the recorded runs say. */
function withSince(cause: Cause, since: string | undefined): Cause {
  if (since === undefined || (cause.kind !== "missed" && cause.kind !== "unreachable")) return cause;
  const at = since.slice(0, 16).replace("T", " ");
  return { ...cause, text: `${cause.text}; every run here has found it offline since ${at} UTC` };
}

/** The change of the checkout that the last run did not deploy. */
function ofCheckout(
  { status }: HostDetail,
  revision: Revision | undefined,
  checkout: Deployable | undefined,
): Cause[] {
  if (revision?.commit === undefined || checkout?.commit == null) return [];
  const isSame =
    checkout.tree === null ? checkout.commit === revision.commit : checkout.tree === revision.tree;
  if (isSame && !checkout.dirty) return [];
  const [ours, theirs] = [checkout.commit.slice(0, 12), revision.commit.slice(0, 12)];
  const text = isSame
    ? "the checkout has uncommitted changes, which the last run may not have deployed"
    : `the last run deployed commit ${theirs}; the checkout is at ${ours}${checkout.dirty ? " with uncommitted changes" : ""}`;
  return [{ kind: "undeployed", host: status.name, text }];
}

/** The last run's selection, which left the host as it was. */
function ofSelection({ status }: HostDetail, lastUp: LastUp | undefined): Cause[] {
  if (!lastUp?.unselected.includes(status.name)) return [];
  const on = lastUp.on === undefined ? "" : ` (--on ${oneLine(lastUp.on)})`;
  const text = `the last up here, ${lastUp.id}${on}, was for other hosts, so it kept its system`;
  return [{ kind: "not-selected", host: status.name, text }];
}

/** Commands for one cause, the first one to run first. */
function commandsFor({ kind, host }: Cause, { status }: HostDetail, stack: string): string[] {
  const of = (words: string) => stackCommand(words, stack);
  const unit = status.failedUnits?.[0];
  switch (kind) {
    case "never-deployed":
      return [of("up")];
    case "evaluation":
    case "not-selected":
    case "undeployed":
      return [of(`preview --on ${host}`)];
    case "rolled-back":
      return [of(`logs ${host} ${unit ?? "pantheros-activation"}`), of(`up --on ${host}`)];
    case "units":
      return [of(`logs ${host} ${oneLine(unit ?? "", 256)}`)];
    case "refused":
    case "unreachable":
      return [of("doctor --only hosts")];
    case "activating":
      return [of(`why ${host}`)];
    case "wave":
      return [of("up")];
    case "step":
    case "missed":
    case "drift":
    case "reboot":
    case "kernel":
      return [of(`up --on ${host}`)];
    case "pinned":
      return [of(`rollback --release ${host}`)];
  }
}

/**
 * The commands of the cause that must be removed first: of a held host, those for the hosts that
 * hold it, and then for itself.
 */
function nextCommands(causes: readonly Cause[], own: readonly Cause[], fleet: FleetFacts): string[] {
  const of = (cause: Cause) => {
    const detail = fleet.details.find(({ status }) => status.name === cause.host);
    return detail === undefined ? [] : commandsFor(cause, detail, fleet.status.stack);
  };
  const held = causes.filter((cause) => !own.includes(cause) && cause.kind !== "wave");
  const first = own.filter(({ kind }) => kind === "wave" || !held.length).slice(0, 2);
  return [...new Set([...held.slice(0, 2), ...first].flatMap(of))];
}

/** The state of a host without a cause. */
function settledAnswer({ status }: HostDetail): string {
  const what = status.running === undefined ? "" : ` ${shortHash(status.running)}`;
  const since = status.generation === undefined ? "" : `, generation ${status.generation}`;
  const source = status.reachable === undefined ? " (as of the last run; it was not asked)" : "";
  return `runs what the last run wanted:${what}${since}${source}`;
}

/** Kinds beside which the host runs the system that it should. */
const RUNS_WANTED: readonly CauseKind[] = ["pinned", "units", "kernel", "not-selected", "undeployed"];

function answerOf(detail: HostDetail, own: readonly Cause[], held: readonly Cause[]): string {
  const { status } = detail;
  const [first, ...others] = own;
  if (first === undefined) return settledAnswer(detail);
  const prefix = RUNS_WANTED.includes(first.kind)
    ? `runs the wanted system${status.running === undefined ? "" : ` ${shortHash(status.running)}`}, but `
    : "";
  const root = held.at(-1);
  const chain = root === undefined ? "" : `; ${root.host}: ${root.text}`;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return oneLine(`${prefix}${first.text}${chain}${more}`, 400);
}

/** Kinds that need nobody's attention: they are wanted, or the next run changes them. */
const QUIET: readonly CauseKind[] = ["pinned", "kernel", "not-selected", "undeployed"];

/** Whether somebody has to do something before the host runs the wanted system in good health. */
export const isBlocked = ({ causes }: Why): boolean => causes.some(({ kind }) => !QUIET.includes(kind));

/** @returns undefined when the facts have no such host */
export function whyOf(
  fleet: FleetFacts,
  name: string,
  { checkout, lastUp, offlineSince }: WhyContext = {},
): Why | undefined {
  const detail = fleet.details.find(({ status }) => status.name === name);
  if (detail === undefined) return undefined;
  const { state, running, wanted, confirmed, reachable } = detail.status;
  const own = [
    ...ownCauses(detail).map((cause) => withSince(cause, offlineSince)),
    ...ofSelection(detail, lastUp),
    ...ofCheckout(detail, fleet.revision, checkout),
  ];
  const held = heldCauses(detail, fleet);
  const causes = [...own, ...held];
  return {
    schemaVersion: 1,
    stack: fleet.status.stack,
    host: name,
    state,
    ...(reachable === true && { converged: confirmed === true && running === wanted }),
    answer: `${name}: ${answerOf(detail, own, held)}`,
    causes,
    next: nextCommands(causes, own, fleet),
  };
}
