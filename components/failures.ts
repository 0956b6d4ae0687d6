/**
 * What becomes of a run in which a resource fails. With `--continue-on-error`, which tools/pulumi sets, the engine goes on with all that
 * does not need the failed resource; its outputs, and those of what needs it, are rejected.
 * Sources: pkg/resource/deploy/deployment_executor.go and sdk/nodejs/runtime/resource.ts of Pulumi 3.258.
 */
import * as pulumi from "@pulumi/pulumi";
import { oneLine } from "./nixos-host/sanitize.ts";

/** The SDK's words for a resource that the engine reported as failed. */
const FAILED_RESOURCE = /^resource (\S+) \[(\S+)\] failed to register$/;
/** What the SDK puts before an error each time that it passes through an input. */
const THROUGH_INPUTS = /^(?:error serializing property "[^"]*": )+/;

/** What is put behind it for the person who reads the run's errors. */
const CONSEQUENCE = "; this run removes nothing";
/** Where an answer was lost, the vendor may have what the state has not: the next run would meet it as taken. */
const REMEDY = /; if it exists at the vendor: tools\/pulumi recover --stack \S+$/;
const remedy = (): string =>
  `; if it exists at the vendor: tools/pulumi recover --stack ${pulumi.runtime.getStack()}`;

/** Commands run again; everything else is an object of a vendor's. An error may have been told already, for another resource. */
function isVendors({ message }: Error): boolean {
  const [, , type = "command:"] = FAILED_RESOURCE.exec(message.replace(THROUGH_INPUTS, "")) ?? [];
  return REMEDY.test(message) || !type.startsWith("command:");
}

/** Why an output was rejected, on one line. */
export function failureReason(error: unknown): string {
  const message = (error instanceof Error ? error.message : String(error))
    .replace(THROUGH_INPUTS, "")
    .replace(REMEDY, "")
    .replace(CONSEQUENCE, "");
  const [, name, type] = FAILED_RESOURCE.exec(message) ?? [];
  return oneLine(name === undefined ? message : `${name} (${type}) failed`, 1000);
}

/** The output; where a resource that it needs failed, `instead`. */
export const recoverWith = <T, U>(
  output: pulumi.Output<T>,
  instead: (reason: string) => U,
): pulumi.Output<T | U> =>
  pulumi.recover<T | U>(output, (error: unknown) => instead(failureReason(error)) as pulumi.Input<T | U>);

/** Exit code by which a program says that it has told what went wrong. Source: cmd/run/index.ts of the SDK. */
const TOLD = 32;

/**
 * The SDK prints what rejected an output, too. Here it gets one line, without a stack (RunError of sdk/nodejs/errors.ts) and without what
 * it would put before the message on the way through further inputs.
 */
function shorten(error: unknown): void {
  if (!(error instanceof Error)) return;
  const text = `${failureReason(error)}${CONSEQUENCE}${isVendors(error) ? remedy() : ""}`;
  const fixed = { get: () => text, set: () => undefined };
  // Another resource may be rejected by the same error.
  const options = { configurable: true };
  Object.defineProperties(error, {
    message: { ...fixed, ...options },
    stack: { ...fixed, ...options },
    __pulumiRunError: { value: true, ...options },
  });
}

/** Something that is not done although all else is: the run ends with an error, after the rest. A preview warns. */
export function reportUndone(problem: string): void {
  if (pulumi.runtime.isDryRun()) {
    pulumi.log.warn(problem);
    return;
  }
  pulumi.log.error(problem);
  process.exitCode = TOLD;
}

/**
 * Makes the program fail, at its end, when any of its resources did. Otherwise the engine would delete what the program did not register,
 * and what needs a failed resource is not registered. Call it before the first resource.
 */
export function failWithResources(): void {
  const fail = (error: unknown): string => {
    shorten(error);
    process.exitCode = TOLD;
    return "";
  };
  pulumi.runtime.registerStackTransformation(({ resource }) => {
    // The resource's outputs are there when its constructor has ended.
    queueMicrotask(() => pulumi.recover(resource.urn, fail));
    return undefined;
  });
}
