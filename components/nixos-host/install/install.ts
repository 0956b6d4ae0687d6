/**
 * A machine that was just created becomes NixOS. Only a machine that shows the throw-away key of this very host is touched:
 * one that was installed, taken over by somebody or given another's address does not show it. So neither lost state nor a
 * wrong address can wipe a machine.
 */
import type { Ran, Runner } from "../deploy/runner.ts";
import { lastLines } from "../deploy/steps.ts";
import type { InstallResult } from "../result.ts";
import { commandText, sshTrouble } from "../ssh.ts";
import { parseLine, type SupervisorStatus, supervisorStatus } from "../supervisor.ts";
import type { InstallSpec } from "./spec.ts";
import {
  buildStep,
  type Facts,
  facts,
  type InstallFiles,
  type InstallStep,
  lookBootstrap,
  lookInstalled,
  markStep,
  phaseStep,
  phasesFor,
  signStep,
} from "./steps.ts";

export interface InstallTools {
  readonly run: Runner;
  readonly files: InstallFiles;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly progress: (line: string) => void;
}

type Ending = Omit<InstallResult, "schemaVersion" | "host" | "seconds">;

/** Milliseconds between two looks at a machine that does not answer yet. */
const lookMs = 2000;

/** Which of the two machines answers: the one that was created, or the one that was installed. */
type Seen =
  | { readonly is: "installed"; readonly status: SupervisorStatus }
  | { readonly is: "bootstrap"; readonly facts: Facts }
  | { readonly is: "nobody"; readonly step: InstallStep; readonly ran: Ran };

export async function install(spec: InstallSpec, tools: InstallTools): Promise<InstallResult> {
  const seconds: Record<string, number> = {};
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const begin = tools.now();
    tools.progress(`${spec.host}: install: ${name}`);
    const done = await work();
    seconds[name] = Math.round((tools.now() - begin) / 100) / 10;
    return done;
  };
  return { schemaVersion: 1, host: spec.host, ...(await run(spec, tools, timed)), seconds };
}

type Timed = <T>(name: string, work: () => Promise<T>) => Promise<T>;

async function run(spec: InstallSpec, tools: InstallTools, timed: Timed): Promise<Ending> {
  const first = await timed("boot", () =>
    waitFor(spec, tools, spec.seconds.boot, (seen) => seen.is !== "nobody"),
  );
  if (first.is === "installed") {
    // Should it not arrive, the next run looks again and nothing else comes of it.
    if (spec.mark !== undefined) await tools.run(markStep(spec, tools.files, spec.mark));
    return { outcome: "already" };
  }
  if (first.is === "nobody") return notAnswering("boot", spec.seconds.boot, first);
  if (first.facts.id === "nixos" && first.facts.variant !== "installer") {
    return failed(
      "guard",
      "a NixOS runs there already although it shows the throw-away key; it is not touched",
      {
        hint: "look at the machine; it is installed again only when its server is replaced",
      },
    );
  }
  const build = buildStep(spec);
  const built = await timed("build", () => tools.run(build));
  if (built.exitCode !== 0) return stepFailed("build", build, built);
  if (tools.files.signingKey !== undefined) {
    const sign = signStep(spec, tools.files.signingKey);
    const signed = await timed("sign", () => tools.run(sign));
    if (signed.exitCode !== 0) return stepFailed("sign", sign, signed);
  }

  let at: Facts = first.facts;
  for (const phase of phasesFor(spec, at)) {
    const step = phaseStep(spec, tools.files, phase);
    const ran = await timed(phase, () => tools.run(step));
    if (ran.exitCode !== 0) return stepFailed(phase, step, ran);
    if (phase === "reboot") break;
    // The next phase goes to the machine that shows our key, and after kexec that must be the installer.
    const seen = await waitFor(spec, tools, spec.seconds.boot, (now) => now.is !== "nobody");
    if (seen.is === "nobody") return notAnswering(phase, spec.seconds.boot, seen);
    if (seen.is === "installed")
      return failed(phase, "the machine shows its own host key before it was installed");
    if (seen.facts.variant !== "installer") return cameBack(phase, seen.facts);
    at = seen.facts;
  }
  return timed("answer", () => answer(spec, tools, at));
}

/** After the reboot: the machine with its own host key, or the one from before, which is told as that. */
async function answer(spec: InstallSpec, tools: InstallTools, before: Facts): Promise<Ending> {
  const rebooted = (seen: Seen) => seen.is === "bootstrap" && seen.facts.bootId !== before.bootId;
  const limit = spec.seconds.answer;
  const seen = await waitFor(spec, tools, limit, (now) => now.is === "installed" || rebooted(now));
  if (seen.is === "nobody") return notAnswering("answer", limit, seen);
  if (seen.is === "bootstrap") {
    return rebooted(seen)
      ? cameBack("reboot", seen.facts)
      : failed("reboot", `it did not reboot within ${limit} s`, {
          hint: "reset it from the vendor's console",
        });
  }
  if (seen.status.system !== spec.outPath) {
    return failed("answer", `it runs ${seen.status.system ?? "nothing known"} instead of ${spec.outPath}`);
  }
  return { outcome: "installed" };
}

async function waitFor(
  spec: InstallSpec,
  tools: InstallTools,
  limitSeconds: number,
  enough: (seen: Seen) => boolean,
): Promise<Seen> {
  const deadline = tools.now() + limitSeconds * 1000;
  for (;;) {
    const seen = await look(spec, tools);
    if (enough(seen) || tools.now() >= deadline) return seen;
    await tools.sleep(lookMs);
  }
}

async function look(spec: InstallSpec, tools: InstallTools): Promise<Seen> {
  const own = lookInstalled(spec, tools.files);
  const asked = await tools.run(own);
  const status = parseLine(supervisorStatus, asked.stdout);
  if (status !== undefined) return { is: "installed", status };
  // Another key than its own: is it the throw-away one? Any other trouble would be the same again.
  if (sshTrouble(asked.stderr) !== "identity") return { is: "nobody", step: own, ran: asked };
  const fresh = lookBootstrap(spec, tools.files);
  const answered = await tools.run(fresh);
  const found = parseLine(facts, answered.stdout);
  return found === undefined
    ? { is: "nobody", step: fresh, ran: answered }
    : { is: "bootstrap", facts: found };
}

function failed(phase: string, reason: string, more: { hint?: string } = {}): Ending {
  return { outcome: "failed", phase, step: phase, reason, ...more };
}

function stepFailed(phase: string, step: InstallStep, ran: Ran): Ending {
  const said = lastLines(ran.stderr || ran.stdout);
  const late = ran.timedOut ? `not finished after ${step.timeoutSeconds} s: ` : "";
  const hint = step.hint(ran);
  return {
    ...failed(
      phase,
      `${late}${said || `exit ${ran.exitCode ?? "by a signal"}`}`,
      hint === undefined ? {} : { hint },
    ),
    command: commandText(step.argv),
    ...(ran.exitCode === null ? {} : { exitCode: ran.exitCode }),
  };
}

function notAnswering(phase: string, limit: number, { step, ran }: Extract<Seen, { is: "nobody" }>): Ending {
  const why = lastLines(ran.stderr) || "no answer";
  const guarded =
    sshTrouble(ran.stderr) === "identity"
      ? "the machine shows neither its own host key nor the throw-away one of its creation: it is not ours to wipe"
      : `the machine does not answer after ${limit} s`;
  const hint = step.hint(ran);
  return failed(phase, `${guarded}\n${why}`, hint === undefined ? {} : { hint });
}

const cameBack = (phase: string, at: Facts): Ending =>
  failed(phase, `the machine came back to the old system (${at.id}${at.variant && ` ${at.variant}`})`, {
    hint: "look at the vendor's console; the next `pulumi up` resumes",
  });
