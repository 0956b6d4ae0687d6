/**
 * Ends a run that waits for registrations that the engine never answers. With
 * `--continue-on-error`, when the deletion of a resource that is replaced fails, the engine skips
 * the new one's creation and sends the program no answer.
 * Source: `executeChain` in pkg/resource/deploy/step_executor.go of Pulumi 3.258.
 */
import * as pulumi from "@pulumi/pulumi";
import { firstNames } from "../lib/names.ts";
import { FORMER_TYPE, RECORD_TYPE } from "./dns/found.ts";

/**
 * Types whose resources are deleted before they are replaced. Only their requests are short: a
 * deploy or an installation may take an hour.
 */
const REPLACED_TYPES: readonly string[] = [RECORD_TYPE, FORMER_TYPE];
/** Name of the verdict. It waits for the outputs, and these wait for the records. */
const VERDICT = "verdict";
/** Longer than a provider retries a request that the vendor refuses for its rate limit. */
const MAX_IDLE_MS = 180_000;
const POLL_MS = 1000;

/** The registrations of a run that were not answered yet. */
export class OpenRegistrations {
  readonly #open = new Map<object, { readonly type: string; readonly name: string }>();
  readonly #now: () => number;
  #changedAt: number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#changedAt = now();
  }

  add(resource: object, type: string, name: string): void {
    this.#open.set(resource, { type, name });
    this.#changedAt = this.#now();
  }

  answered(resource: object): void {
    this.#open.delete(resource);
    this.#changedAt = this.#now();
  }

  /** Names of the resources that will get no answer; empty while the run makes progress. */
  get unanswered(): string[] {
    const open = [...this.#open.values()];
    const waits = open.some(({ type, name }) => !REPLACED_TYPES.includes(type) && name !== VERDICT);
    if (waits || this.#now() - this.#changedAt < MAX_IDLE_MS) return [];
    return open.filter(({ name }) => name !== VERDICT).map(({ name }) => name);
  }
}

/** Calls `end` with a problem when only unanswered registrations are left. */
export function endWhenUnanswered(registrations: OpenRegistrations, end: (problem: string) => void): void {
  const timer = setInterval(() => {
    const names = registrations.unanswered;
    if (names.length === 0) return;
    clearInterval(timer);
    end(
      `no answer for ${firstNames(names)}: the deletion of the former resource failed, or a resource that it waits for ` +
        `has no answer; this run deletes nothing; fix the error above, run tools/pantheros recover --stack ${pulumi.runtime.getStack()}, ` +
        "then the same command again",
    );
  }, POLL_MS);
  timer.unref();
}
