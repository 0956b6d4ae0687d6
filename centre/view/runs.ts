/** Words for runs. */
import type { Run, RunHost, RunState, RunSummary } from "../../runs/run.ts";
import { duration, secondsBetween } from "./duration.ts";

/** How a state is coloured: one that a person should look at, a good one, or another. */
export const runKind = (state: RunState): "bad" | "good" | "note" =>
  state === "succeeded" ? "good" : state === "failed" || state === "interrupted" ? "bad" : "note";

export const RUN_STATE_TEXTS: Readonly<Record<RunState, string>> = {
  running: "It goes on now.",
  succeeded: "It succeeded.",
  failed: "It failed.",
  interrupted: "It was interrupted: its end is not recorded.",
  declined: "Only its preview was made: the change was declined, or not asked for.",
};

/** `2 confirmed, 1 rolled-back`; empty when no host was deployed to. */
export const outcomesText = ({ outcomes }: Pick<RunSummary, "outcomes">): string =>
  Object.entries(outcomes)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(", ");

/** Operations that change nothing. */
const QUIET = new Set(["same", "read", "refresh"]);

/** `3 create, 1 update`, or that nothing changed. */
export function countsText({ counts, state }: Pick<RunSummary, "counts" | "state">): string {
  const changes = Object.entries(counts).filter(([op, count]) => !QUIET.has(op) && count > 0);
  if (changes.length === 0) return state === "succeeded" ? "no change" : "";
  return changes.map(([op, count]) => `${count} ${op}`).join(", ");
}

/** How long a run took, or has taken so far. */
export function runDuration({ startedAt, endedAt, seconds, state }: RunSummary, now: number): string {
  const known =
    endedAt !== undefined
      ? secondsBetween(startedAt, endedAt)
      : state === "running"
        ? secondsBetween(startedAt, now)
        : seconds;
  return known === undefined ? "" : duration(known);
}

export interface PhaseText {
  readonly phase: string;
  /** Empty when it is not known. */
  readonly took: string;
  readonly isCurrent: boolean;
}

/** The steps of a host with how long each took; the last one of a run that is under way is the current one. */
export function phaseTexts(host: RunHost, run: Pick<Run, "state" | "endedAt">, now: number): PhaseText[] {
  const end = host.endedAt ?? run.endedAt ?? (run.state === "running" ? now : undefined);
  return host.phases
    .map(({ phase, at }, index) => {
      const next = host.phases[index + 1]?.at ?? end;
      const seconds = host.seconds?.[phase] ?? (next === undefined ? undefined : secondsBetween(at, next));
      const isCurrent =
        run.state === "running" && host.endedAt === undefined && index === host.phases.length - 1;
      return { phase, took: seconds === undefined ? "" : duration(seconds), isCurrent };
    })
    .filter(({ phase, isCurrent }) => phase !== "begun" || isCurrent);
}

/** What the page says of a host: its result, or what it waits for. */
export function hostState(host: RunHost, run: Pick<Run, "state" | "command">): string {
  if (host.selected === false) return "not selected";
  if (host.changed) {
    if (host.outcome !== undefined) return host.outcome;
    return run.state === "running" ? "activating" : "interrupted";
  }
  if (run.command === "preview") return "–";
  return run.state === "running" ? "waits" : "unchanged";
}

/** The hosts of each wave, the first wave first; the last group has those whose wave is unknown. */
export function byWave(
  hosts: readonly RunHost[],
): readonly (readonly [number | undefined, readonly RunHost[]])[] {
  const waves = new Map<number | undefined, RunHost[]>();
  for (const host of hosts) {
    const members = waves.get(host.wave) ?? [];
    members.push(host);
    waves.set(host.wave, members);
  }
  return [...waves].sort(([a], [b]) => (a ?? Infinity) - (b ?? Infinity));
}
