/** One host's deploy: build, sign, push, copy, activate, confirm; always a result, whatever happens on the way. */
import type { DeployResult } from "../result.ts";
import { type SshTrouble, sshTrouble } from "../ssh.ts";
import { converge } from "./activation.ts";
import type { Ran, Runner } from "./runner.ts";
import { type DeploySpec, shortList } from "./spec.ts";
import {
  buildStep,
  copyStep,
  pushStep,
  type RunnerFiles,
  type Step,
  signStep,
  stepFailure,
} from "./steps.ts";

/** The world outside: injected, so that tests have their own. */
export interface Tools {
  readonly run: Runner;
  readonly files: RunnerFiles;
  /** Milliseconds that no clock change moves. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** A line for a person who waits. */
  readonly progress: (line: string) => void;
}

export type Ending = Omit<DeployResult, "schemaVersion" | "host" | "token" | "seconds">;

/** Runs a step with its progress and its time. */
export type Perform = (step: Step) => Promise<Ran>;

/** Tries of a copy: what arrived stays on the host, so the second one resumes. */
const copyTries = 2;

export async function deploy(spec: DeploySpec, tools: Tools): Promise<DeployResult> {
  const seconds: Record<string, number> = {};
  const perform: Perform = async (step) => {
    const begin = tools.now();
    if (seconds[step.name] === undefined) tools.progress(`${spec.host}: ${step.name}`); // a poll is told once
    const ran = await tools.run(step);
    const took = (tools.now() - begin) / 1000;
    seconds[step.name] = Math.round(((seconds[step.name] ?? 0) + took) * 10) / 10;
    return ran;
  };
  const ending = await run(spec, tools, perform);
  return { schemaVersion: 1, host: spec.host, ...ending, token: spec.token, seconds };
}

async function run(spec: DeploySpec, tools: Tools, perform: Perform): Promise<Ending> {
  if (spec.heldBy.length > 0) {
    return { outcome: "held", step: "wave", reason: `waits for ${shortList(spec.heldBy).join(", ")}` };
  }
  const built = await prepare(spec, tools, perform);
  if (built.failure !== undefined) return built.failure;
  const warnings = built.warnings.length > 0 ? { warnings: built.warnings } : {};
  const copied = await copy(spec, tools, perform);
  if (copied !== undefined) return { ...copied, ...warnings };
  return { ...(await converge(spec, tools, perform)), ...warnings };
}

interface Prepared {
  readonly failure?: Ending;
  readonly warnings: string[];
}

/** On the runner: the closure exists, is signed, and is in the cache where there is one. */
async function prepare(spec: DeploySpec, tools: Tools, perform: Perform): Promise<Prepared> {
  const warnings: string[] = [];
  const fail = (step: Step, ran: Ran): Prepared => ({
    failure: { outcome: "failed", ...stepFailure(step, ran) },
    warnings,
  });
  const build = buildStep(spec);
  const built = await perform(build);
  if (built.exitCode !== 0) return fail(build, built);
  const out = built.stdout.trim();
  if (out !== spec.outPath) {
    return fail(build, { ...built, stderr: `it built ${out || "nothing"} instead of ${spec.outPath}` });
  }
  if (tools.files.signingKey !== undefined) {
    const sign = signStep(spec, tools.files.signingKey);
    const signed = await perform(sign);
    if (signed.exitCode !== 0) return fail(sign, signed);
  }
  if (spec.push !== undefined) {
    const push = pushStep(spec, spec.push);
    const pushed = await perform(push);
    // The copy brings what the cache lacks, so a missing cache costs time and nothing else.
    if (pushed.exitCode !== 0) warnings.push(`push: ${stepFailure(push, pushed).reason}`);
  }
  return { warnings };
}

async function copy(spec: DeploySpec, tools: Tools, perform: Perform): Promise<Ending | undefined> {
  const step = copyStep(spec, tools.files);
  for (let attempt = 1; ; attempt++) {
    const ran = await perform(step);
    if (ran.exitCode === 0) return undefined;
    const trouble: SshTrouble | undefined = ran.timedOut ? "transport" : sshTrouble(ran.stderr);
    if (trouble === "transport" && !ran.timedOut && attempt < copyTries) {
      tools.progress(`${spec.host}: copy again: the connection was lost`);
      await tools.sleep(2000);
      continue;
    }
    const offline = trouble === "transport" && spec.converge === "best-effort";
    return { outcome: offline ? "offline" : "failed", ...stepFailure(step, ran) };
  }
}
