import { performance } from "node:perf_hooks";
import { messageOf } from "../../lib/message-of.ts";

/** A part of set-up. */
export interface Step {
  readonly name: string;
  /** Names of the steps that must succeed before this one. */
  readonly after: readonly string[];
  /** A short description of what is installed already; undefined: `install` must run. */
  present(): Promise<string | undefined> | string | undefined;
  /** What `install` does and how long it takes; printed when it starts. */
  readonly description: string;
  install(): Promise<void>;
}

/** Result of a step; `skipped` means that a step before it failed. */
export type StepOutcome =
  | { readonly kind: "present"; readonly detail: string }
  | { readonly kind: "installed"; readonly seconds: number }
  | { readonly kind: "failed"; readonly seconds: number; readonly reason: string }
  | { readonly kind: "skipped"; readonly after: string };

const HEARTBEAT_MILLISECONDS = 15_000;

/**
 * Runs the steps, each as soon as those before it are done. Reports every change and, every 15 seconds, the running
 * steps. A failure does not stop independent steps, so that a second run has less to do.
 */
export async function runSteps(
  steps: readonly Step[],
  report: (line: string) => void,
): Promise<ReadonlyMap<string, StepOutcome>> {
  const begun = performance.now();
  const since = (from: number) => Math.round((performance.now() - from) / 1000);
  const active = new Map<string, number>();
  const heartbeat = setInterval(() => {
    const waits = [...active].map(([name, from]) => `${name} ${since(from)} s`);
    if (waits.length > 0) report(`${since(begun)} s: still running: ${waits.join(", ")}`);
  }, HEARTBEAT_MILLISECONDS);

  const results = new Map<string, Promise<StepOutcome>>();
  const runStep = async (step: Step): Promise<StepOutcome> => {
    for (const name of step.after) {
      const outcome = await results.get(name);
      if (outcome?.kind === "failed" || outcome?.kind === "skipped") {
        report(`${step.name}: skipped, because ${name} failed`);
        return { kind: "skipped", after: name };
      }
    }
    const from = performance.now();
    try {
      const detail = await step.present();
      if (detail !== undefined) {
        report(`${step.name}: ${detail}`);
        return { kind: "present", detail };
      }
      report(`${step.name}: ${step.description}`);
      active.set(step.name, from);
      await step.install();
      report(`${step.name}: done in ${since(from)} s`);
      return { kind: "installed", seconds: since(from) };
    } catch (error) {
      const reason = messageOf(error);
      report(`${step.name}: FAILED after ${since(from)} s`);
      return { kind: "failed", seconds: since(from), reason };
    } finally {
      active.delete(step.name);
    }
  };
  for (const step of steps) results.set(step.name, runStep(step));
  const outcomes = new Map<string, StepOutcome>();
  for (const [name, result] of results) outcomes.set(name, await result);
  clearInterval(heartbeat);
  return outcomes;
}
