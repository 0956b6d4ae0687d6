/** Brings the closure to its host: builds, signs, pushes to the cache, copies. The running system is not touched. */
import type { CommandResult } from "../process/runner.ts";
import { forwardingRefused, sshTrouble } from "../ssh.ts";
import { buildAndSign, failedStep } from "./build-and-sign.ts";
import { type CopyMode, copyStep, pushStep, substituterTrouble } from "./closure.ts";
import type { DeployContext, Outcome } from "./context.ts";
import { hostSigningKey } from "./spec.ts";
import { closeConnectionCommand, connectStep, type Step, stepFailure } from "./steps.ts";

/** Attempts to connect and copy; a host whose connection is lost in the last one counts as unreachable. */
const MAX_CONNECT_ATTEMPTS = 2;
const RECONNECT_PAUSE_MS = 2000;

/**
 * Returns undefined when the closure is on the host. The connection stays open then, for the activation.
 * `copy`: false for a host that is known to be unreachable; its closure is only built, signed and pushed.
 */
export async function transferClosure(
  context: DeployContext,
  { copy } = { copy: true },
): Promise<Outcome | undefined> {
  const failure = await buildAndSign(context);
  if (failure !== undefined) return failure;
  await push(context);
  return copy ? connectAndCopy(context) : undefined;
}

/**
 * A cache that is down costs time only: the copy brings what the cache lacks. A closure that one host alone trusts is never
 * pushed, because the cache serves the first version of a path that it received to every host.
 */
async function push({ spec, files, runStep, warnings }: DeployContext): Promise<void> {
  if (spec.push === undefined || spec.drvPath === undefined || hostSigningKey(spec) !== undefined) return;
  const step = pushStep(spec, spec.push, files);
  const result = await runStep(step);
  if (result.exitCode !== 0) warnings.push(`push: ${stepFailure(step, result).reason.split("\n").at(-1)}`);
}

/** A step that failed, with its output except what is about others. */
interface FailedStep {
  readonly step: Step;
  readonly result: CommandResult;
}

/** Connects even when there is nothing to copy: an activation waits much longer for a host that is unreachable. */
async function connectAndCopy(context: DeployContext): Promise<Outcome | undefined> {
  const { spec, progress, sleep } = context;
  for (let attempt = 1; ; attempt++) {
    const unconnected = await connect(context);
    const failure = unconnected ?? (await copy(context));
    if (failure === undefined) return undefined;
    if (unconnected === undefined) await closeConnection(context);
    const { step, result } = failure;
    const lost = sshTrouble(result.stderr) === "transport" && !result.timedOut;
    if (!lost || attempt === MAX_CONNECT_ATTEMPTS) return failedStep(spec, step, result);
    progress(
      `${spec.host}: ${step.name} again: ${unconnected === undefined ? "the connection was lost" : "no answer"}`,
    );
    await sleep(RECONNECT_PAUSE_MS);
  }
}

async function connect({ spec, files, runStep }: DeployContext): Promise<FailedStep | undefined> {
  const step = connectStep(spec, files);
  if (step === undefined) return undefined;
  const result = await runStep(step);
  return result.exitCode === 0 ? undefined : { step, result };
}

/** Does nothing when the connection is gone already. */
export async function closeConnection({ spec, files, run }: DeployContext): Promise<void> {
  const command = closeConnectionCommand(spec, files);
  if (command !== undefined) await run(command);
}

/**
 * Copies straight to the host's Nix daemon, and lets the host use its substituters first. When the substituters fail or take too
 * long, everything that is still missing is sent. When the host's sshd does not forward the daemon's socket, Nix makes its own
 * connection. Paths that arrived stay on the host, so a retry sends only the rest.
 */
async function copy(context: DeployContext): Promise<FailedStep | undefined> {
  const { spec, files, runStep, warnings, progress } = context;
  // An unmanaged machine is copied to as root, once; whether its sshd forwards sockets is unknown.
  let mode: CopyMode = { substitute: true, direct: spec.managed };
  for (;;) {
    const step = copyStep(spec, files, mode);
    if (step === undefined) return undefined;
    const result = await runStep(step);
    const { trouble, rest } = substituterTrouble(result);
    if (mode.substitute && trouble !== undefined)
      warnings.push(`cache: ${spec.host} says: ${brief(trouble)}`);
    if (result.exitCode === 0) return undefined;
    const late = result.timedOut && step.timeoutSeconds < spec.seconds.copy;
    if (mode.direct && forwardingRefused(rest.stderr)) {
      warnings.push(
        `copy: sshd of ${spec.host} refused to forward the Nix daemon's socket; set AllowStreamLocalForwarding`,
      );
      mode = { ...mode, direct: false };
    } else if (mode.substitute && (trouble !== undefined || late)) {
      if (trouble === undefined)
        warnings.push(`cache: not done after ${step.timeoutSeconds} s; the rest was copied`);
      progress(`${spec.host}: copy without its substituters`);
      mode = { ...mode, substitute: false };
    } else {
      return { step, result: rest };
    }
  }
}

const brief = (line: string): string =>
  line
    .replace(/^(warning: |error: |error \(ignored\): )+/, "")
    .trim()
    .slice(0, 200);
