/**
 * Resolves when the engine has accepted the stack's outputs. After a failed resource the engine accepts
 * nothing more, so a resource that may fail on purpose must come after that.
 *
 * The SDK has no event for it. It sends the outputs with one call of the monitor client,
 * `registerResourceOutputs(request, answer)`, on the object that `runtime.getMonitor()` returns, and
 * calls `answer` with the engine's response. This module observes that call; the engine responds once
 * the outputs are in its state.
 * Sources: sdk/nodejs/runtime/resource.ts (registerResourceOutputs), settings.ts (getMonitor), stack.ts
 * (Stack.initialize) of Pulumi 3.258; pkg/resource/deploy/source_eval.go (RegisterResourceOutputs waits
 * until the event is done).
 */
import * as pulumi from "@pulumi/pulumi";

const STACK_TYPE = "pulumi:pulumi:Stack";

interface Request {
  getUrn(): string;
}

/** The part of the monitor client that is observed; the last argument of its method is `(error, response) => …`. */
interface Monitor {
  registerResourceOutputs(request: Request, ...rest: unknown[]): unknown;
}

const isMonitor = (value: unknown): value is Monitor =>
  typeof value === "object" &&
  value !== null &&
  "registerResourceOutputs" in value &&
  typeof value.registerResourceOutputs === "function";

/** `urn:pulumi:STACK::PROJECT::TYPE::NAME`; only the root resource's TYPE has no parent types before it. */
const isStack = (urn: string): boolean => urn.split("::")[2] === STACK_TYPE;

/** By client, so that each is observed once. */
const observed = new WeakMap<object, Promise<void>>();

function observe(monitor: Monitor): Promise<void> {
  const send = monitor.registerResourceOutputs.bind(monitor);
  const answered = new Promise<void>((resolve, reject) => {
    monitor.registerResourceOutputs = (request, ...rest) => {
      const answer = rest.at(-1);
      if (typeof answer !== "function" || !isStack(request.getUrn())) return send(request, ...rest);
      const observedAnswer = (error: unknown, ...response: unknown[]) => {
        answer(error, ...response);
        if (error) reject(error);
        else resolve();
      };
      return send(request, ...rest.slice(0, -1), observedAnswer);
    };
  });
  answered.catch(() => {}); // the SDK reports that error, and callers that await it get it too
  return answered;
}

/**
 * Must be called while the program declares its resources, because the outputs are sent afterwards.
 * Resolves at once without a stack resource (a test against mocks): no outputs are sent then.
 * @throws RunError when the SDK has changed.
 */
export function outputsAnswered(): Promise<void> {
  if (pulumi.runtime.getStackResource() === undefined) return Promise.resolve();
  const monitor: unknown = pulumi.runtime.getMonitor();
  if (!isMonitor(monitor)) {
    throw new pulumi.RunError(
      "this version of @pulumi/pulumi has no monitor client with registerResourceOutputs: the verdict cannot wait for the stack's outputs (components/outputs-answered.ts)",
    );
  }
  const known = observed.get(monitor) ?? observe(monitor);
  observed.set(monitor, known);
  return known;
}
