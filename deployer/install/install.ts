/**
 * A machine that was just created becomes NixOS. Only a machine that shows the throw-away key of this very host is touched,
 * and only while it is as it was created: one that was installed, taken over by somebody or given another's address does not
 * show that key. So neither lost state nor a wrong address can wipe a machine. The one exception is named by its machine id
 * (`reinstall`), and has another one afterwards.
 */

import { oneLine } from "../../lib/sanitize.ts";
import type { CommandResult, Runner } from "../process/runner.ts";
import type { InstallResult } from "../protocol/result.ts";
import { boot, look, type MachineState, waitFor } from "./detect.ts";
import { cameBack, failed, messageOf, notAnswering, stepFailed, systemName } from "./outcome.ts";
import type { InstallSpec } from "./spec.ts";
import {
  buildStep,
  doneStep,
  type Facts,
  type InstallFiles,
  type InstallStep,
  lookMachineId,
  type Phase,
  phaseStep,
  phasesFor,
  signStep,
} from "./steps.ts";

/** The server at the vendor; each call throws what the vendor said no with. */
export interface Server {
  /** Opens port 22 to the networks of the spec; whoever runs the install closes it. */
  readonly open: () => Promise<void>;
  /** `running`, `off`, …; undefined: there is none. */
  readonly status: () => Promise<string | undefined>;
  /** Overwrites its disk with the disposable system. */
  readonly rebuild: () => Promise<void>;
}

export interface InstallTools {
  readonly run: Runner;
  readonly server?: Server | undefined;
  readonly files: InstallFiles;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly progress: (line: string) => void;
}

export type Outcome = Omit<InstallResult, "schemaVersion" | "host" | "seconds">;

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

async function run(spec: InstallSpec, tools: InstallTools, timed: Timed): Promise<Outcome> {
  if (spec.hetzner?.admit !== undefined) {
    const shut = await timed("door", () => open(spec, tools));
    if (shut !== undefined) return shut;
  }
  let first = await timed("boot", () => boot(spec, tools, (seen) => seen.is !== "nobody"));
  if (first.is === "installed") {
    const wiped = await wipe(spec, tools, timed);
    if (wiped !== undefined) return wiped;
    first = await timed("boot", () => boot(spec, tools, (seen) => seen.is === "bootstrap"));
  }
  if (first.is !== "bootstrap") return notAnswering("boot", spec.seconds.boot, first, tools);
  const refused = guard(spec, first.facts);
  if (refused !== undefined) return refused;

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
    if (ran.exitCode !== 0) return phaseFailed(spec, tools, phase, at, step, ran);
    if (phase === "reboot") break;
    // The next phase goes to the machine that shows our key, and after kexec that must be the installer.
    const seen = await waitFor(spec, tools, spec.seconds.boot, (now) => now.is !== "nobody");
    if (seen.is === "nobody") return notAnswering(phase, spec.seconds.boot, seen, tools);
    if (seen.is === "installed")
      return failed(phase, "the machine shows its own host key before it was installed");
    if (seen.facts.variant !== "installer") return cameBack(phase, seen.facts);
    // Should the note not arrive, the phase is done again by the run that resumes.
    if (phase !== "kexec") await tools.run(doneStep(spec, tools.files, phase));
    at = seen.facts;
  }
  return timed("answer", () => answer(spec, tools, at));
}

const doorHint =
  "it is opened for the installation with HCLOUD_TOKEN (Read & Write) to the networks of `[deploy] sources`, which must hold this runner's address";

async function open({ hetzner }: InstallSpec, { server }: InstallTools): Promise<Outcome | undefined> {
  if (hetzner?.admit === undefined) return undefined;
  if (hetzner.admit.length === 0 || server === undefined) {
    return failed("door", "port 22 is closed, and `[deploy] sources` names no network to open it to", {
      hint: doorHint,
    });
  }
  try {
    await server.open();
    return undefined;
  } catch (error) {
    return failed("door", `port 22 could not be opened: ${messageOf(error)}`, { hint: doorHint });
  }
}

/** A machine that runs what was installed: it is as it should be, unless it is the one that is to be wiped. */
async function wipe(spec: InstallSpec, tools: InstallTools, timed: Timed): Promise<Outcome | undefined> {
  if (spec.reinstall === undefined) return { outcome: "already" };
  const step = lookMachineId(spec, tools.files);
  const asked = await tools.run(step);
  if (asked.exitCode !== 0) return stepFailed("guard", step, asked);
  const id = oneLine(asked.stdout);
  if (id !== spec.reinstall) {
    tools.progress(
      `${spec.host}: install: \`reinstall\` names machine ${spec.reinstall}, this one is ${id}: not touched`,
    );
    return { outcome: "already" };
  }
  const { server } = tools;
  if (server === undefined) return failed("wipe", "only a server of the vendor's can be installed again");
  try {
    await timed("wipe", () => server.rebuild());
    return undefined;
  } catch (error) {
    return failed("wipe", `the vendor does not give it a new disk: ${messageOf(error)}`, {
      hint: "a protected server has to be unprotected for it, in the vendor's console",
    });
  }
}

/** Why a machine that shows the throw-away key is not touched all the same. */
function guard({ reinstall }: InstallSpec, { id, variant, machineId, data }: Facts): Outcome | undefined {
  if (variant === "installer" || (reinstall !== undefined && reinstall === machineId)) return undefined;
  const found =
    id === "nixos" ? "a NixOS runs there already" : data === "" ? undefined : `it holds data (${data})`;
  if (found === undefined) return undefined;
  return failed("guard", `${found} although it shows the throw-away key; it is not touched`, {
    hint: `look at the machine; to wipe it: provider.reinstall = "${machineId}"`,
  });
}

/** A phase that failed or hung: what the machine is afterwards says more than the last words of a connection. */
async function phaseFailed(
  spec: InstallSpec,
  tools: InstallTools,
  phase: Phase,
  before: Facts,
  step: InstallStep,
  ran: CommandResult,
): Promise<Outcome> {
  const failure = stepFailed(phase, step, ran);
  const seen = await look(spec, tools);
  if (seen.is === "bootstrap" && seen.facts.variant !== "installer" && seen.facts.bootId !== before.bootId) {
    return { ...failure, ...cameBack(phase, seen.facts) };
  }
  const now =
    seen.is === "nobody"
      ? "does not answer"
      : seen.is === "installed"
        ? "answers with its own host key"
        : `runs ${systemName(seen.facts)}`;
  return { ...failure, reason: `${failure.reason ?? ""}\nafterwards the machine ${now}` };
}

/** After the reboot: the machine with its own host key, or the one from before, which is told as that. */
async function answer(spec: InstallSpec, tools: InstallTools, before: Facts): Promise<Outcome> {
  const rebooted = (seen: MachineState) => seen.is === "bootstrap" && seen.facts.bootId !== before.bootId;
  const limit = spec.seconds.answer;
  const seen = await waitFor(spec, tools, limit, (now) => now.is === "installed" || rebooted(now));
  if (seen.is === "nobody") return notAnswering("answer", limit, seen, tools);
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
