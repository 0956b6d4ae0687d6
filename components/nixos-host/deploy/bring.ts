/** Until the closure is on its host: built where it should be, signed, pushed to the cache, copied. The running system stays as it is. */
import { sshTrouble } from "../ssh.ts";
import {
  buildStep,
  copyStep,
  hostIsAway,
  isMissing,
  pushStep,
  signStep,
  substituterTrouble,
} from "./closure.ts";
import type { Ending, Perform, Tools } from "./deploy.ts";
import type { Ran } from "./runner.ts";
import type { DeploySpec } from "./spec.ts";
import { type Step, sharedPeer, stepFailure, verbStep } from "./steps.ts";

export interface Brought {
  /** Absent: the closure is on the host. */
  readonly failure?: Ending;
  /** What did not go well but stopped nothing. */
  readonly warnings: string[];
}

/** Tries of a copy: what arrived stays on the host, so the second one resumes. */
const copyTries = 2;

export async function bring(
  spec: DeploySpec,
  tools: Tools,
  perform: Perform,
  /** Not copied: the host is known to be away, or its turn has not come. */
  only: { readonly copy: boolean } = { copy: true },
): Promise<Brought> {
  if (spec.drvPath === undefined) return only.copy ? answers(spec, tools, perform) : { warnings: [] };
  const warnings: string[] = [];
  const failure =
    (await provide(spec, spec.drvPath, tools, perform)) ??
    (await push(spec, tools, perform, warnings)) ??
    (only.copy ? await copy(spec, tools, perform, warnings) : undefined);
  return failure === undefined ? { warnings } : { failure, warnings };
}

/** A system that was put back on purpose is there. No copy shows that the host is, and an activation waits long for its end. */
async function answers(spec: DeploySpec, tools: Tools, perform: Perform): Promise<Brought> {
  const step = verbStep(spec, "status", sharedPeer(spec, tools.files));
  const ran = await perform(step);
  return ran.exitCode === 0 ? { warnings: [] } : { failure: failed(spec, step, ran), warnings: [] };
}

/** Built and signed; what is here already, by an earlier run or from a cache, is only signed. */
async function provide(spec: DeploySpec, drvPath: string, tools: Tools, perform: Perform) {
  const { signingKey } = tools.files;
  if (signingKey === undefined) return build(spec, drvPath, tools, perform);
  const step = signStep(spec, signingKey, tools.files);
  const sign = async () => {
    const ran = await perform(step);
    return ran.exitCode === 0 ? undefined : { ran, ending: failed(spec, step, ran) };
  };
  // A path that is there may not be whole yet; signing tells.
  if (spec.build === undefined && tools.exists(spec.outPath)) {
    const failure = await sign();
    if (failure === undefined || !isMissing(failure.ran)) return failure?.ending;
  }
  return (await build(spec, drvPath, tools, perform)) ?? (await sign())?.ending;
}

async function build(spec: DeploySpec, drvPath: string, tools: Tools, perform: Perform) {
  const step = buildStep(spec, drvPath, tools.files);
  const ran = await perform(step);
  if (ran.exitCode !== 0) return failed(spec, step, ran);
  const out = ran.stdout.trim();
  if (out === spec.outPath) return undefined;
  return failed(spec, step, { ...ran, stderr: `it built ${out || "nothing"} instead of ${spec.outPath}` });
}

/** The copy brings what the cache lacks, so a missing cache costs time and nothing else. */
async function push(spec: DeploySpec, tools: Tools, perform: Perform, warnings: string[]) {
  if (spec.push === undefined) return undefined;
  const step = pushStep(spec, spec.push, tools.files);
  const ran = await perform(step);
  if (ran.exitCode !== 0) warnings.push(`push: ${stepFailure(step, ran).reason.split("\n").at(-1)}`);
  return undefined;
}

/**
 * First with the host's substituters. When it could not use them, or their time is over, all that is still missing is sent; a
 * lost connection is tried once more.
 */
async function copy(spec: DeploySpec, tools: Tools, perform: Perform, warnings: string[]) {
  let substitute = true;
  for (let attempt = 1; ; attempt++) {
    const step = copyStep(spec, tools.files, substitute);
    if (step === undefined) return undefined;
    const ran = await perform(step);
    const { said, rest } = substituterTrouble(ran);
    if (substitute && said !== undefined) warnings.push(`cache: ${spec.host} says: ${brief(said)}`);
    if (ran.exitCode === 0) return undefined;
    if (attempt >= copyTries) return failed(spec, step, rest);
    if (substitute && (said !== undefined || (ran.timedOut && step.timeoutSeconds < spec.seconds.copy))) {
      substitute = false;
      if (said === undefined)
        warnings.push(`cache: not done after ${step.timeoutSeconds} s, the rest was copied`);
      tools.progress(`${spec.host}: copy without its substituters`);
    } else if (sshTrouble(rest.stderr) === "transport" && !ran.timedOut) {
      tools.progress(`${spec.host}: copy again: the connection was lost`);
      await tools.sleep(2000);
    } else {
      return failed(spec, step, rest);
    }
  }
}

const brief = (line: string): string =>
  line
    .replace(/^(warning: |error: |error \(ignored\): )+/, "")
    .trim()
    .slice(0, 200);

function failed(spec: DeploySpec, step: Step, ran: Ran): Ending {
  const offline = spec.converge === "best-effort" && hostIsAway(spec, step, ran);
  return { outcome: offline ? "offline" : "failed", ...stepFailure(step, ran) };
}
