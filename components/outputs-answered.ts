/**
 * Resolves when the engine has answered the registration of the stack's outputs. After a failed resource the engine takes nothing more,
 * so what may fail on purpose has to come after that answer.
 *
 * The SDK has no event for it. It sends the outputs with one call of the monitor client, `registerResourceOutputs(request, answer)`, on
 * the object that `runtime.getMonitor()` returns, and calls `answer` when the engine's answer is there. That call is observed here; the
 * engine answers it once the outputs are part of its state.
 * Sources: sdk/nodejs/runtime/resource.ts (registerResourceOutputs), settings.ts (getMonitor), stack.ts (Stack.initialize) of Pulumi
 * 3.258; pkg/resource/deploy/source_eval.go (RegisterResourceOutputs waits until the event is done).
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

/** `urn:pulumi:STACK::PROJECT::TYPE::NAME`; only the root resource has no parent's type before its own. */
const isStack = (urn: string): boolean => urn.split("::")[2] === STACK_TYPE;

/** One observation for each client, however many ask. */
const observed = new WeakMap<object, Promise<void>>();

function observe(monitor: Monitor): Promise<void> {
  const send = monitor.registerResourceOutputs.bind(monitor);
  const answered = new Promise<void>((resolve, reject) => {
    monitor.registerResourceOutputs = (request, ...rest) => {
      const answer = rest.at(-1);
      if (typeof answer !== "function" || !isStack(request.getUrn())) return send(request, ...rest);
      const heard = (error: unknown, ...response: unknown[]) => {
        answer(error, ...response);
        if (error) reject(error);
        else resolve();
      };
      return send(request, ...rest.slice(0, -1), heard);
    };
  });
  answered.catch(() => {}); // the SDK reports that error, and whoever waits gets it too
  return answered;
}

/**
 * To be called while the program builds its resources: the outputs are sent afterwards. Without a stack resource (a test against mocks)
 * no outputs will be sent, and there is nothing to wait for.
 * @throws RunError where the SDK has another form
 */
export function outputsAnswered(): Promise<void> {
  if (pulumi.runtime.getStackResource() === undefined) return Promise.resolve();
  const monitor: unknown = pulumi.runtime.getMonitor();
  if (!isMonitor(monitor)) {
    throw new pulumi.RunError(
      "this version of @pulumi/pulumi has no monitor client with registerResourceOutputs: the verdict cannot tell when the outputs are published (components/outputs-answered.ts)",
    );
  }
  const known = observed.get(monitor) ?? observe(monitor);
  observed.set(monitor, known);
  return known;
}
