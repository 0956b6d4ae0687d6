/**
 * A run in which a resource fails. With `--continue-on-error`, which tools/pulumi sets, the engine continues with everything that does not
 * need the failed resource. The outputs of that resource, and of those that need it, are rejected.
 * Sources: pkg/resource/deploy/deployment_executor.go and sdk/nodejs/runtime/resource.ts of Pulumi 3.258.
 */
import * as pulumi from "@pulumi/pulumi";
import { oneLine } from "../lib/sanitize.ts";

/** The SDK's words for a resource that the engine reported as failed. */
const FAILED_RESOURCE = /^resource (\S+) \[(\S+)\] failed to register$/;
/** What the SDK puts before an error each time that it passes through an input. */
const THROUGH_INPUTS = /^(?:error serializing property "[^"]*": )+/;

interface Failure {
  /** On one line. */
  readonly reason: string;
  /** The resource is an object of a vendor's, and not a command, which runs again. */
  readonly isVendorObject: boolean;
}

function toFailure(error: unknown): Failure {
  const message = (error instanceof Error ? error.message : String(error)).replace(THROUGH_INPUTS, "");
  const [, name, type = "command:"] = FAILED_RESOURCE.exec(message) ?? [];
  return {
    reason: oneLine(name === undefined ? message : `${name} (${type}) failed`, 1000),
    isVendorObject: !type.startsWith("command:"),
  };
}

/** Errors whose message was replaced. One error rejects every resource that needs the failed one. */
const reported = new WeakMap<Error, Failure>();

/** Why an output was rejected, on one line. */
export const failureReason = (error: unknown): string =>
  ((error instanceof Error && reported.get(error)) || toFailure(error)).reason;

/** The output; where a resource that it needs failed, `instead`. */
export const recoverWith = <T, U>(
  output: pulumi.Output<T>,
  instead: (reason: string) => U,
): pulumi.Output<T | U> =>
  pulumi.recover<T | U>(output, (error: unknown) => instead(failureReason(error)) as pulumi.Input<T | U>);

/** Exit code of a program that failed and has logged why. Source: cmd/run/index.ts of the SDK. */
const EXIT_LOGGED = 32;

/**
 * The SDK prints what rejected an output, too. Here it gets one line, without a stack (RunError of sdk/nodejs/errors.ts) and without what
 * it would put before the message on the way through further inputs; the SDK keeps the error's identity there (runtime/rpc.ts).
 */
function shorten(error: unknown): void {
  if (!(error instanceof Error) || reported.has(error)) return;
  const failure = toFailure(error);
  reported.set(error, failure);
  // Where the answer was lost, the vendor may have what the state has not: the next run would meet it as taken.
  const remedy = failure.isVendorObject
    ? `; if it exists at the vendor: tools/pulumi recover --stack ${pulumi.runtime.getStack()}`
    : "";
  const fixed = { get: () => `${failure.reason}; this run removes nothing${remedy}`, set: () => undefined };
  Object.defineProperties(error, { message: fixed, stack: fixed, __pulumiRunError: { value: true } });
}

/** Logs an error that ends nothing: the program does the rest, and fails at its end. */
export function reportError(problem: string): void {
  pulumi.log.error(problem);
  process.exitCode = EXIT_LOGGED;
}

/** Reports what is left out of an `up` that does everything else. A preview warns. */
export function reportSkipped(problem: string): void {
  if (pulumi.runtime.isDryRun()) pulumi.log.warn(problem);
  else reportError(problem);
}

/**
 * Makes the program fail, at its end, when any of its resources did. Otherwise the engine would delete what the program did not register,
 * and what needs a failed resource is not registered. Call it before the first resource.
 */
export function failWithResources(): void {
  const fail = (error: unknown): string => {
    shorten(error);
    process.exitCode = EXIT_LOGGED;
    return "";
  };
  pulumi.runtime.registerStackTransformation(({ resource }) => {
    // The resource's outputs are there when its constructor has ended.
    queueMicrotask(() => pulumi.recover(resource.urn, fail));
    return undefined;
  });
}
