/**
 * Runs in which a resource fails. tools/pulumi sets `--continue-on-error`, so the engine continues with
 * everything that does not need the failed resource. The outputs of that resource, and of those that
 * need it, are rejected.
 * Sources: pkg/resource/deploy/deployment_executor.go and sdk/nodejs/runtime/resource.ts of Pulumi 3.258.
 */

import * as pulumi from "@pulumi/pulumi";
import { withoutInputs } from "../lib/error-text.ts";
import { messageOf } from "../lib/message-of.ts";
import { oneLine } from "../lib/sanitize.ts";
import { EXIT_LOGGED } from "./error-log.ts";
import { endWhenUnanswered, OpenRegistrations } from "./unanswered.ts";

/** The SDK's message for a resource that the engine reported as failed. */
const FAILED_RESOURCE = /^resource (\S+) \[(\S+)\] failed to register$/;

/** Matches a reason that only refers to an error that is printed elsewhere. */
const REFERENCE = /^\S+ \(\S+\) failed$|: see the error of this run$/;

interface Failure {
  /** On one line. */
  readonly reason: string;
  /** True: the reason is the error itself. False: it refers to an error that is printed elsewhere. */
  readonly isCause: boolean;
  /** The resource is an object at a vendor; a command runs again and needs no recovery. */
  readonly isVendorObject: boolean;
}

function toFailure(error: unknown): Failure {
  const message = withoutInputs(messageOf(error));
  const [, name, type = "command:"] = FAILED_RESOURCE.exec(message) ?? [];
  return {
    reason: oneLine(name === undefined ? message : `${name} (${type}) failed`, 1000),
    isCause: name === undefined && !REFERENCE.test(message),
    isVendorObject: !type.startsWith("command:"),
  };
}

/** Errors whose message was replaced already: one error rejects every resource that needs the failed one. */
const reported = new WeakMap<Error, Failure>();

/** Matches the start of a message, which says what failed; the cause follows it. */
const SUBJECT = /^[^:]*(?:: op:\/\/[^:]*|: vault [^:]*)?/;

/**
 * Why an output was rejected, on one line. One cause can reject the outputs of every host. It is
 * printed once, as an error of the run, and the returned reason refers to it.
 */
export function failureReason(error: unknown): string {
  const { reason, isCause } = (error instanceof Error && reported.get(error)) || toFailure(error);
  return isCause ? `${SUBJECT.exec(reason)?.[0] ?? ""}: see the error of this run` : reason;
}

/** The output, or `instead` when a resource that it needs failed. */
export const recoverWith = <T, U>(
  output: pulumi.Output<T>,
  instead: (reason: string) => U,
): pulumi.Output<T | U> =>
  pulumi.recover<T | U>(output, (error: unknown) => instead(failureReason(error)) as pulumi.Input<T | U>);

/** The value; undefined when a resource that it needs failed. */
export const unlessFailed = <T>(value: pulumi.Input<T>): pulumi.Output<T | undefined> =>
  recoverWith(pulumi.output(value) as pulumi.Output<T>, () => undefined);

/**
 * Shortens the error that rejected an output, because the SDK prints it too. Removes its stack
 * (RunError of sdk/nodejs/errors.ts) and the prefixes of the inputs through which the SDK passes
 * the same error object (runtime/rpc.ts). Errors of failed resources all get the same text, so that
 * error-log.ts prints it once: the engine prints each resource's own error.
 */
function shortenError(error: unknown): void {
  if (!(error instanceof Error) || reported.has(error)) return;
  const failure = toFailure(error);
  reported.set(error, failure);
  const what = failure.isCause ? failure.reason : "a resource failed, and its own error is in this list";
  // If the vendor's answer was lost, the object may exist without being in the state, and its name is taken.
  const remedy = failure.isVendorObject
    ? `; if it exists at the vendor, run tools/pantheros recover --stack ${pulumi.runtime.getStack()}`
    : "";
  const fixed = { get: () => `${what}; this run deletes nothing${remedy}`, set: () => undefined };
  Object.defineProperties(error, { message: fixed, stack: fixed, __pulumiRunError: { value: true } });
}

/** Logs an error without stopping: the program does the rest and fails at its end. */
export function reportError(problem: string): void {
  pulumi.log.error(problem);
  process.exitCode = EXIT_LOGGED;
}

/** Reports what an `up` skips while it does everything else. A preview warns. */
export function reportSkipped(problem: string): void {
  if (pulumi.runtime.isDryRun()) pulumi.log.warn(problem);
  else reportError(problem);
}

/**
 * Makes the program fail at its end when any resource failed. Otherwise the engine would delete what the
 * program did not register, which includes everything that needs the failed resource. Must be called
 * before the first resource.
 */
export function failWithResources(): void {
  const fail = (error: unknown): string => {
    shortenError(error);
    process.exitCode = EXIT_LOGGED;
    return "";
  };
  const registrations = new OpenRegistrations();
  pulumi.runtime.registerStackTransformation(({ resource, type, name }) => {
    registrations.add(resource, type, name);
    const answered = () => registrations.answered(resource);
    // The resource's outputs exist once its constructor has returned.
    queueMicrotask(() => {
      pulumi.recover(resource.urn.apply(answered), answered);
      pulumi.recover(resource.urn, fail);
    });
    return undefined;
  });
  if (pulumi.runtime.isDryRun()) return;
  endWhenUnanswered(registrations, (problem) => {
    const exit = () => process.exit(EXIT_LOGGED);
    pulumi.log.error(problem).then(exit, exit);
  });
}
