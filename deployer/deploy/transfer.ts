/** Until the closure is on its host: built where it should be, signed, pushed to the cache, copied. The running system stays as it is. */

import type { CommandResult } from "../process/runner.ts";
import { forwardingRefused, sshTrouble } from "../ssh.ts";
import { buildAndSign, failed } from "./build-and-sign.ts";
import { type CopyMode, copyStep, pushStep, substituterTrouble } from "./closure.ts";
import type { DeployTools, Outcome, Perform } from "./deploy.ts";
import { type DeploySpec, hostSigningKey } from "./spec.ts";
import { closeConnectionCommand, connectStep, type Step, stepFailure } from "./steps.ts";

export interface TransferResult {
  /** Absent: the closure is on the host. */
  readonly failure?: Outcome;
  /** What did not go well but stopped nothing. */
  readonly warnings: string[];
}

/** Times that a connection is lost, to be opened or while the closure is copied, before the host counts as away. */
const MAX_CONNECT_ATTEMPTS = 2;

export async function transferClosure(
  spec: DeploySpec,
  tools: DeployTools,
  perform: Perform,
  /** Not copied: the host is known to be away, or its turn has not come. */
  only: { readonly copy: boolean } = { copy: true },
): Promise<TransferResult> {
  const warnings: string[] = [];
  const failure =
    (await buildAndSign(spec, tools, perform)) ??
    (await push(spec, tools, perform, warnings)) ??
    (only.copy ? await connectAndCopy(spec, tools, perform, warnings) : undefined);
  return failure === undefined ? { warnings } : { failure, warnings };
}

/**
 * The copy brings what the cache lacks, so a missing cache costs time and nothing else. What one host alone trusts never gets there: the
 * cache gives every host the first that it was given of a path.
 */
async function push(spec: DeploySpec, tools: DeployTools, perform: Perform, warnings: string[]) {
  if (spec.push === undefined || spec.drvPath === undefined || hostSigningKey(spec) !== undefined)
    return undefined;
  const step = pushStep(spec, spec.push, tools.files);
  const ran = await perform(step);
  if (ran.exitCode !== 0) warnings.push(`push: ${stepFailure(step, ran).reason.split("\n").at(-1)}`);
  return undefined;
}

/**
 * The connection, and the closure over it; who was successful leaves it open. It is opened without a closure too: an activation waits long
 * for a host that is away.
 */
async function connectAndCopy(spec: DeploySpec, tools: DeployTools, perform: Perform, warnings: string[]) {
  for (let lost = 1; ; lost++) {
    const unopened = await open(spec, tools, perform);
    const failure = unopened ?? (await copy(spec, tools, perform, warnings));
    if (failure === undefined) return undefined;
    const opened = unopened === undefined;
    if (opened) await closeConnection(spec, tools);
    const { step, ran } = failure;
    const again = sshTrouble(ran.stderr) === "transport" && !ran.timedOut && lost < MAX_CONNECT_ATTEMPTS;
    if (!again) return failed(spec, step, ran);
    const why = opened ? "the connection was lost" : "no answer";
    tools.progress(`${spec.host}: ${step.name} again: ${why}`);
    await tools.sleep(2000);
  }
}

async function open(spec: DeploySpec, tools: DeployTools, perform: Perform): Promise<FailedStep | undefined> {
  const step = connectStep(spec, tools.files);
  if (step === undefined) return undefined;
  const ran = await perform(step);
  return ran.exitCode === 0 ? undefined : { step, ran };
}

/** Ends the connection. One that is gone already needs no end. */
export async function closeConnection(spec: DeploySpec, tools: DeployTools): Promise<void> {
  const command = closeConnectionCommand(spec, tools.files);
  if (command !== undefined) await tools.run(command);
}

/** What did not go well, with all that was said but what concerns others. */
interface FailedStep {
  readonly step: Step;
  readonly ran: CommandResult;
}

/**
 * First with the host's substituters, straight to its Nix daemon. When it could not use them, or their time is over, all that is still
 * missing is sent; when its sshd leads nobody to the daemon, Nix dials itself. What arrived stays on the host.
 */
async function copy(
  spec: DeploySpec,
  tools: DeployTools,
  perform: Perform,
  warnings: string[],
): Promise<FailedStep | undefined> {
  // A machine that was never managed is copied to once, as root, and what its sshd forwards is not known.
  let way: CopyMode = { substitute: true, direct: spec.managed };
  for (;;) {
    const step = copyStep(spec, tools.files, way);
    if (step === undefined) return undefined;
    const ran = await perform(step);
    const { said, rest } = substituterTrouble(ran);
    if (way.substitute && said !== undefined) warnings.push(`cache: ${spec.host} says: ${brief(said)}`);
    if (ran.exitCode === 0) return undefined;
    if (way.direct && forwardingRefused(rest.stderr)) {
      warnings.push(`copy: ${spec.host}'s sshd leads nobody to its Nix daemon: AllowStreamLocalForwarding`);
      way = { ...way, direct: false };
    } else if (
      way.substitute &&
      (said !== undefined || (ran.timedOut && step.timeoutSeconds < spec.seconds.copy))
    ) {
      if (said === undefined)
        warnings.push(`cache: not done after ${step.timeoutSeconds} s, the rest was copied`);
      tools.progress(`${spec.host}: copy without its substituters`);
      way = { ...way, substitute: false };
    } else {
      return { step, ran: rest };
    }
  }
}

const brief = (line: string): string =>
  line
    .replace(/^(warning: |error: |error \(ignored\): )+/, "")
    .trim()
    .slice(0, 200);
