/** Whether a stack may deploy a tree: another stack must have confirmed it, for some time. */
import { entryOf } from "../lib/entry-of.ts";
import { firstNames } from "../lib/names.ts";
import { oneLine } from "../lib/sanitize.ts";
import type { HostOutputs, StackOutputs } from "./contract.ts";

export interface PromotionArgs {
  /** Full name of the stack that has to confirm the tree. */
  readonly from: string;
  readonly soakMinutes: number;
  readonly commit: string | null;
  readonly tree: string | null;
  /** Paths that the tree does not contain as they are. */
  readonly changes: readonly string[];
  /** Names of the always reachable hosts of that stack, from the inventory. */
  readonly required: readonly string[];
  /** Outputs of that stack, or why they cannot be read. */
  readonly source: StackOutputs | { readonly unreadable: string };
  readonly now: Date;
}

/**
 * - ready: confirmed long enough.
 * - unconfirmed: the stack before has the tree, but has not confirmed it long enough; an approval counts.
 * - unread: the outputs of the stack before cannot be read; an approval that says so counts.
 * - refused: the tree is unknown, changed, or was never there; no approval counts.
 */
export interface PromotionState {
  readonly state: "ready" | "unconfirmed" | "unread" | "refused";
  /** One line for each reason; those about a host begin with its name. */
  readonly reasons: readonly string[];
  /** Seconds that are left, when only time is missing. */
  readonly secondsLeft?: number;
}

const short = (id: string): string => id.slice(0, 12);

/** `3 d 2 h`, `5 h 10 min`, `12 min`; rounded up to minutes. */
export function durationText(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), minutes % 60];
  const parts = [days > 0 && `${days} d`, hours > 0 && `${hours} h`, rest > 0 && days === 0 && `${rest} min`];
  return parts.filter((part) => part !== false).join(" ") || "0 min";
}

/** Why a host has not confirmed the tree; undefined: it has. */
function hostProblem(host: HostOutputs | undefined): string | undefined {
  if (host === undefined) return "is not in the outputs: it was never deployed";
  if (host.pinned !== undefined) return "is pinned at an earlier system";
  if (host.outcome === "confirmed") return undefined;
  const reason = host.reason === undefined ? "" : `: ${oneLine(host.reason, 120)}`;
  return `${host.outcome ?? "was not deployed"}${host.step === undefined ? "" : ` at ${host.step}`}${reason}`;
}

/** When the last required host had confirmed the tree: by the runner's clock, or later by the host's own. */
function confirmedAt(outputs: StackOutputs, since: string, host: string): number {
  const at = Date.parse(entryOf(outputs.hosts, host)?.provenance?.at ?? "");
  return Number.isNaN(at) ? Date.parse(since) : Math.max(at, Date.parse(since));
}

/** The tree is what the stack has now. */
function currentTree(
  { required, soakMinutes, now, from }: PromotionArgs,
  outputs: StackOutputs,
): PromotionState {
  const { since, converged } = outputs.revision ?? { converged: false };
  const failed = required.flatMap((name) => {
    const problem = hostProblem(entryOf(outputs.hosts, name));
    return problem === undefined ? [] : [`${name} ${problem}`];
  });
  if (required.length === 0) {
    return {
      state: "unconfirmed",
      reasons: [`${from} has no always reachable host, so nothing confirms a tree`],
    };
  }
  if (failed.length > 0) return { state: "unconfirmed", reasons: failed };
  if (!converged || since === undefined) {
    const why = "its last run was for some hosts only, or had other problems: run `up` there for all hosts";
    return { state: "unconfirmed", reasons: [`${from} has not confirmed the tree: ${why}`] };
  }
  const waiting = required
    .map((name) => ({
      name,
      left: soakMinutes * 60 - (now.getTime() - confirmedAt(outputs, since, name)) / 1000,
    }))
    .filter(({ left }) => left > 0);
  if (waiting.length === 0) return { state: "ready", reasons: [] };
  return {
    state: "unconfirmed",
    reasons: waiting.map(({ name, left }) => `${name} has confirmed it, and ${durationText(left)} are left`),
    secondsLeft: Math.ceil(Math.max(...waiting.map(({ left }) => left))),
  };
}

/** The tree is one that the stack has replaced since. */
function earlierTree(
  { soakMinutes, from }: PromotionArgs,
  times: { since: string; until: string },
): PromotionState {
  const seconds = (Date.parse(times.until) - Date.parse(times.since)) / 1000;
  if (seconds >= soakMinutes * 60) return { state: "ready", reasons: [] };
  return {
    state: "unconfirmed",
    reasons: [
      `${from} had the tree for ${durationText(Math.max(0, seconds))} only, and has a different one now: deploy it there again`,
    ],
  };
}

export function promotionState(args: PromotionArgs): PromotionState {
  const { tree, changes, source, from } = args;
  const refused = (reason: string): PromotionState => ({ state: "refused", reasons: [reason] });
  if (tree === null) return refused("the flake is not in a Git repository, so its tree is unknown");
  if (changes.length > 0) {
    return refused(
      `the flake's directory has files that are not committed: ${firstNames(changes)}; commit or remove them`,
    );
  }
  if ("unreadable" in source)
    return { state: "unread", reasons: [`${from} cannot be read: ${source.unreadable}`] };
  const { revision } = source;
  if (revision?.tree === undefined) {
    return refused(`${from} has no revision in its outputs: run \`up\` there from a Git repository`);
  }
  if (revision.tree === tree && revision.dirty === false) return currentTree(args, source);
  const earlier = revision.earlier?.find((each) => each.tree === tree);
  if (earlier !== undefined) return earlierTree(args, earlier);
  if (revision.tree === tree) return refused(`${from} has the tree with changes that are not committed`);
  const has = `tree ${short(revision.tree)}${revision.commit === undefined ? "" : `, commit ${short(revision.commit)}`}`;
  return refused(`${from} never confirmed this tree; it has ${has}: deploy the commit there first`);
}

/** Text of a refusal, or of a preview's warning. */
export function promotionText(
  { reasons }: PromotionState,
  { tree, commit, from, soakMinutes }: PromotionArgs,
  key: string,
): string {
  const what = tree === null ? "this checkout" : `tree ${short(tree)} (commit ${short(commit ?? "unknown")})`;
  return [
    `${key}: ${what} is not deployed before ${from} has confirmed it for ${durationText(soakMinutes * 60)}:`,
    ...reasons.map((reason) => `  ${reason}`),
  ].join("\n");
}
