import { performance } from "node:perf_hooks";

/** One thing that set-up provides. */
export interface Step {
  readonly name: string;
  /** Steps that must have succeeded before. */
  readonly after: readonly string[];
  /** What is already there, in a few words; undefined: `install` must run. */
  present(): Promise<string | undefined> | string | undefined;
  /** What the step does and what it waits for, shown while it runs. */
  readonly description: string;
  install(): Promise<void>;
}

/** How a step ended; `held` means that a step before it failed. */
export type StepOutcome =
  | { readonly kind: "present"; readonly detail: string }
  | { readonly kind: "installed"; readonly seconds: number }
  | { readonly kind: "failed"; readonly seconds: number; readonly reason: string }
  | { readonly kind: "held"; readonly by: string };

const HEARTBEAT_MILLISECONDS = 15_000;

/**
 * Runs the steps, each as soon as those before it are done, and reports every change and, every 15 seconds, what is
 * waited for. One step's failure leaves the independent ones running: a second run then has less to do.
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
    if (waits.length > 0) report(`${since(begun)} s elapsed, waiting for: ${waits.join(", ")}`);
  }, HEARTBEAT_MILLISECONDS);

  const results = new Map<string, Promise<StepOutcome>>();
  const perform = async (step: Step): Promise<StepOutcome> => {
    for (const name of step.after) {
      const outcome = await results.get(name);
      if (outcome?.kind === "failed" || outcome?.kind === "held") {
        report(`${step.name}: not started, ${name} failed`);
        return { kind: "held", by: name };
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
      const reason = error instanceof Error ? error.message : String(error);
      report(`${step.name}: FAILED after ${since(from)} s`);
      return { kind: "failed", seconds: since(from), reason };
    } finally {
      active.delete(step.name);
    }
  };
  for (const step of steps) results.set(step.name, perform(step));
  const outcomes = new Map<string, StepOutcome>();
  for (const [name, result] of results) outcomes.set(name, await result);
  clearInterval(heartbeat);
  return outcomes;
}
