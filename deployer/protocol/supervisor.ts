/** What `pantheros-supervisor` (nix/modules/deployment/supervisor/) says, and how to ask it. */
import * as z from "zod";
import { type SshPeer, sshArgv } from "../ssh.ts";
import {
  hostId,
  hostLine,
  hostList,
  hostNumber,
  hostPath,
  hostRecord,
  hostText,
  hostToken,
  hostWord,
  unitName,
} from "./answer.ts";

/** Where the running system keeps it; the sudo rule of the deploy user names exactly this path. */
export const SUPERVISOR_PATH = "/run/current-system/sw/bin/pantheros-supervisor";

const text = hostText.nullable();
const line = hostLine.nullable();
const path = hostPath.nullable();

/** One health check as the host saw it. */
export const healthReport = hostList(z.object({ name: line, ok: z.boolean(), detail: text.optional() }));

/** Whose deploy made a system the committed one; `at` is the host's clock, `previous` what was committed before it. */
export const provenance = z.object({
  commit: line.optional(),
  dirty: z.boolean().nullable().optional(),
  by: line.optional(),
  at: hostLine,
  closure: hostPath,
  previous: path.optional(),
});
export type Provenance = z.infer<typeof provenance>;

/** The answer of `activate`, `confirm` and `rollback`, and `last` in a status. Unknown keys are later versions'. */
export const verbResult = z.object({
  outcome: z.enum([
    "waiting",
    "rebooting",
    "staged",
    "current",
    "confirmed",
    "rolled-back",
    "failed",
    "refused",
    "interrupted",
  ]),
  step: hostWord.nullable().optional(),
  command: line.optional(),
  exitCode: hostNumber.optional(),
  reason: text.optional(),
  wanted: path.optional(),
  recorded: path.optional(),
  /** `/run/current-system` at that moment. */
  running: path.optional(),
  booted: path.optional(),
  bootId: hostId.nullable().optional(),
  generation: hostNumber.nullable().optional(),
  token: hostToken.nullable().optional(),
  /** Of one `activate`: the same token may be tried twice. */
  attempt: hostId.nullable().optional(),
  at: line.optional(),
  failedUnits: hostList(unitName).optional(),
  /** Units that served before the activation and do not after a rollback. */
  missingUnits: hostList(unitName).optional(),
  health: healthReport.optional(),
  /** What differs from the booted system, and so waits for a reboot. */
  waits: line.optional(),
  /** Of the system that is committed now. */
  deploy: provenance.nullable().optional(),
});
export type VerbResult = z.infer<typeof verbResult>;

export const PHASES = [
  "idle",
  "starting",
  "staging",
  "rebooting",
  "booting",
  "switching",
  "checking",
  "waiting",
  "committing",
  "rolling-back",
  "returning",
] as const;

/** The answer of `status`. */
export const supervisorStatus = z.object({
  /** Of the supervisor's protocol; 0: a machine that was never managed, read without a supervisor. From 2 on `secret` takes a length. */
  version: z.int().min(0).max(1000),
  system: path,
  booted: path,
  /** What the system profile points at: the newest committed generation. */
  profile: path,
  /** What the boot loader starts next; null where its files are not understood. */
  bootDefault: path,
  generation: hostNumber.nullable(),
  bootId: hostId.nullable(),
  /** `/etc/machine-id`; supervisors from before it was asked for do not say it. */
  machineId: hostId.nullable().optional(),
  /** Token of the last confirmation; opaque. */
  token: hostToken.nullable(),
  /** The running system is the one that was last confirmed. */
  confirmed: z.boolean(),
  phase: hostWord,
  activation: z.object({ token: hostToken.nullable(), wanted: path, recorded: path }).nullable().optional(),
  /** The system committed before the one that is committed now, where it can be gone back to. */
  previous: path.optional(),
  last: verbResult.nullable().optional(),
  failedUnits: hostList(unitName).optional(),
  kernel: line.optional(),
  /** Kernel of the booted system: another one waits for a reboot. */
  bootedKernel: line.optional(),
  /** Whether the running system lets a deploy reboot the machine. */
  reboot: hostWord.nullable().optional(),
  /** A system that boots next, and waits for somebody's reboot. */
  staged: z.object({ token: hostToken, wanted: hostPath }).nullable().optional(),
  deploy: provenance.nullable().optional(),
  inhibitors: hostRecord(hostLine).nullable().optional(),
  units: hostRecord(hostLine).nullable().optional(),
  /** Name -> sha256 of each secret on the host. */
  secrets: hostRecord(z.string().regex(/^[0-9a-f]{64}$/, "not a SHA-256")).optional(),
});
export type SupervisorStatus = z.infer<typeof supervisorStatus>;

/** The words to run on a host for a verb. `program` is the wanted closure's own on a machine that has none yet. */
export function verbWords(
  user: string,
  verb: readonly string[],
  program: string = SUPERVISOR_PATH,
): string[] {
  // -n: without a password prompt that nobody would answer.
  return user === "root" ? [program, ...verb] : ["sudo", "-n", program, ...verb];
}

/** ssh that runs a verb on a host. None of these verbs carries a secret; what brings one has words of its own (deliveryCommand). */
export const verbArgv = (peer: SshPeer, verb: readonly string[], program?: string): string[] =>
  sshArgv({ ...peer, carriesNoSecret: true }, verbWords(peer.user, verb, program));
