/**
 * Installs NixOS on a machine that was just created. Only a machine that shows the throw-away key of this host is touched, and only while
 * it is as it was created. A machine that was installed, taken over, or has an address of another host shows a different key, so neither
 * lost state nor a wrong address can wipe a machine. The one exception is the machine whose id `reinstall` names; it has a new id
 * afterwards.
 */
import { SSH_PORT } from "../../inventory/primitives.ts";
import { messageOf } from "../../lib/message-of.ts";
import { oneLine } from "../../lib/sanitize.ts";
import type { CommandResult } from "../process/runner.ts";
import type { InstallResult } from "../protocol/result.ts";
import type { InstallContext, InstallTools, MachineState, Outcome } from "./context.ts";
import { detect, waitFor, waitForBoot } from "./detect.ts";
import { cameBack, failed, notReached, stepFailed, systemName } from "./outcome.ts";
import type { InstallSpec } from "./spec.ts";
import {
  buildStep,
  doneStep,
  type Facts,
  type InstallStep,
  machineIdStep,
  type Phase,
  phaseStep,
  phasesFor,
  signStep,
} from "./steps.ts";

export async function install(spec: InstallSpec, tools: InstallTools): Promise<InstallResult> {
  const seconds: Record<string, number> = {};
  const timed = async <T>(phase: string, work: () => Promise<T>): Promise<T> => {
    const begin = tools.now();
    tools.progress(`${spec.host}: install: ${phase}`);
    const result = await work();
    seconds[phase] = Math.round((tools.now() - begin) / 100) / 10;
    return result;
  };
  return { schemaVersion: 1, host: spec.host, ...(await run({ ...tools, spec, timed })), seconds };
}

async function run(context: InstallContext): Promise<Outcome> {
  const { spec, timed } = context;
  const closed = await openSsh(context);
  if (closed !== undefined) return closed;
  let first = await timed("boot", () => waitForBoot(context, (state) => state.is !== "silent"));
  if (first.is === "installed") {
    const outcome = await rebuild(context);
    if (outcome !== undefined) return outcome;
    first = await timed("boot", () => waitForBoot(context, (state) => state.is === "bootstrap"));
  }
  if (first.is !== "bootstrap") return notReached(context, "boot", spec.seconds.boot, first);
  return (
    refuseToWipe(spec, first.facts) ??
    (await buildAndSign(context)) ??
    (await runPhases(context, first.facts))
  );
}

async function openSsh({ spec, server, timed }: InstallContext): Promise<Outcome | undefined> {
  const allowed = spec.provider?.allowedSources;
  if (allowed === undefined || server === undefined) return undefined;
  const hint = `${server.openHint} to the networks of \`[deploy] sources\`, which must contain this runner's address`;
  return timed("door", async () => {
    if (allowed.length === 0) {
      const reason = "sshd is closed, and `[deploy] sources` contains no network to open it to";
      return failed("door", reason, hint);
    }
    try {
      await server.open([SSH_PORT, spec.port], allowed);
      return undefined;
    } catch (error) {
      return failed("door", `sshd could not be opened: ${messageOf(error)}`, hint);
    }
  });
}

/** An installed machine is left alone, unless it is the one that `reinstall` names. */
async function rebuild(context: InstallContext): Promise<Outcome | undefined> {
  const { spec, files, server, run, progress, timed } = context;
  if (spec.reinstall === undefined) return { outcome: "already" };
  const step = machineIdStep(spec, files);
  const ran = await run(step);
  if (ran.exitCode !== 0) return stepFailed("guard", step, ran);
  const id = oneLine(ran.stdout);
  if (id !== spec.reinstall) {
    progress(
      `${spec.host}: install: \`reinstall\` names machine ${spec.reinstall}, this one is ${id}: not touched`,
    );
    return { outcome: "already" };
  }
  if (server === undefined)
    return failed("wipe", "only a server that this program creates can be installed again");
  try {
    await timed("wipe", () => server.rebuild());
    return undefined;
  } catch (error) {
    const hint = "if the server is protected, remove the protection in the vendor's console";
    return failed("wipe", `the vendor refused to rebuild the server: ${messageOf(error)}`, hint);
  }
}

/** Why a machine that shows the throw-away key is still not touched. */
function refuseToWipe(
  { reinstall }: InstallSpec,
  { id, variant, machineId, data }: Facts,
): Outcome | undefined {
  if (variant === "installer" || (reinstall !== undefined && reinstall === machineId)) return undefined;
  const found =
    id === "nixos" ? "it runs NixOS already" : data === "" ? undefined : `it holds data (${data})`;
  if (found === undefined) return undefined;
  return failed(
    "guard",
    `${found} although it shows the throw-away key; it is not touched`,
    `check the machine; to wipe it, set provider.reinstall = "${machineId}"`,
  );
}

async function buildAndSign({ spec, files, run, timed }: InstallContext): Promise<Outcome | undefined> {
  const build = buildStep(spec);
  const built = await timed("build", () => run(build));
  if (built.exitCode !== 0) return stepFailed("build", build, built);
  if (files.signingKey === undefined) return undefined;
  const sign = signStep(spec, files.signingKey);
  const signed = await timed("sign", () => run(sign));
  return signed.exitCode === 0 ? undefined : stepFailed("sign", sign, signed);
}

async function runPhases(context: InstallContext, first: Facts): Promise<Outcome> {
  const { spec, files, run, timed } = context;
  let at = first;
  for (const phase of phasesFor(spec, at)) {
    const step = phaseStep(spec, files, phase);
    const ran = await timed(phase, () => run(step));
    if (ran.exitCode !== 0) return phaseFailed(context, phase, at, { step, ran });
    if (phase === "reboot") break;
    // The machine must show the throw-away key again, and after kexec it must be the installer.
    const state = await waitFor(context, spec.seconds.boot, (now) => now.is !== "silent");
    if (state.is === "silent") return notReached(context, phase, spec.seconds.boot, state);
    if (state.is === "installed") {
      return failed(phase, "the machine shows its own host key before it was installed");
    }
    if (state.facts.variant !== "installer") return cameBack(phase, state.facts);
    // If this fails, the run that resumes repeats the phase.
    if (phase !== "kexec") await run(doneStep(spec, files, phase));
    at = state.facts;
  }
  return timed("answer", () => waitForAnswer(context, at));
}

/** After a failed phase the machine's state explains more than the end of the connection. */
async function phaseFailed(
  context: InstallContext,
  phase: Phase,
  before: Facts,
  { step, ran }: { readonly step: InstallStep; readonly ran: CommandResult },
): Promise<Outcome> {
  const failure = stepFailed(phase, step, ran);
  const state = await detect(context);
  if (
    state.is === "bootstrap" &&
    state.facts.variant !== "installer" &&
    state.facts.bootId !== before.bootId
  ) {
    return { ...failure, ...cameBack(phase, state.facts) };
  }
  return { ...failure, reason: `${failure.reason ?? ""}\nafterwards the machine ${describe(state)}` };
}

function describe(state: MachineState): string {
  if (state.is === "silent") return "does not answer";
  return state.is === "installed" ? "answers with its own host key" : `runs ${systemName(state.facts)}`;
}

/** After the reboot the machine answers with its own host key, or the old system has come back. */
async function waitForAnswer(context: InstallContext, before: Facts): Promise<Outcome> {
  const { spec } = context;
  const rebooted = (state: MachineState) => state.is === "bootstrap" && state.facts.bootId !== before.bootId;
  const limit = spec.seconds.answer;
  const state = await waitFor(context, limit, (now) => now.is === "installed" || rebooted(now));
  if (state.is === "silent") return notReached(context, "answer", limit, state);
  if (state.is === "bootstrap") {
    return rebooted(state)
      ? cameBack("reboot", state.facts)
      : failed("reboot", `it did not reboot within ${limit} s`, "reset it in the vendor's console");
  }
  if (state.status.system !== spec.outPath) {
    return failed(
      "answer",
      `it runs ${state.status.system ?? "an unknown system"} instead of ${spec.outPath}`,
    );
  }
  return { outcome: "installed" };
}
