/** The protocol of `pantheros-supervisor` (nix/modules/deployment/supervisor/): its answers and how to call it. */
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

/** Path in the running system. The deploy user's sudo rule allows exactly this path. */
const SUPERVISOR_PATH = "/run/current-system/sw/bin/pantheros-supervisor";

const text = hostText.nullable();
const line = hostLine.nullable();
const path = hostPath.nullable();

/** Results of the host's health checks. */
export const healthReport = hostList(z.object({ name: line, ok: z.boolean(), detail: text.optional() }));

/** Which deploy committed a system. `at` is the host's clock; `previous` is the system that was committed before. */
export const provenance = z.object({
  commit: line.optional(),
  dirty: z.boolean().nullable().optional(),
  by: line.optional(),
  at: hostLine,
  closure: hostPath,
  previous: path.optional(),
});

/** The answer of `activate`, `confirm` and `rollback`, and `last` in a status. Unknown keys belong to later versions. */
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
  /** The target of `/run/current-system`. */
  running: path.optional(),
  booted: path.optional(),
  bootId: hostId.nullable().optional(),
  generation: hostNumber.nullable().optional(),
  token: hostToken.nullable().optional(),
  /** Id of one `activate`, because a token can be tried twice. */
  attempt: hostId.nullable().optional(),
  at: line.optional(),
  failedUnits: hostList(unitName).optional(),
  /** Units that were active before the activation and are not after the rollback. */
  missingUnits: hostList(unitName).optional(),
  health: healthReport.optional(),
  /** What takes effect only after a reboot. */
  waits: line.optional(),
  /** Provenance of the committed system. */
  deploy: provenance.nullable().optional(),
});
export type VerbResult = z.infer<typeof verbResult>;

/**
 * From this version of the protocol on, `secret` takes a length and refuses content of any other
 * length.
 */
export const LENGTH_VERSION = 2;
/** From this version of the protocol on, a status has `deliveries` instead of `secrets`. */
export const DELIVERIES_VERSION = 3;

/** The answer of `status`. */
export const supervisorStatus = z.object({
  /** Version of the protocol. 0: an unmanaged machine, read without a supervisor. */
  version: z.int().min(0).max(1000),
  system: path,
  booted: path,
  /** The target of the system profile: the newest committed generation. */
  profile: path,
  /** The system that boots next; null when the boot loader's files cannot be read. */
  bootDefault: path,
  generation: hostNumber.nullable(),
  bootId: hostId.nullable(),
  /** `/etc/machine-id`; absent from earlier supervisors. */
  machineId: hostId.nullable().optional(),
  /** Node id in the tailnet, if the machine has joined; absent from earlier supervisors. */
  tailnetNode: hostId.nullable().optional(),
  /** Token of the last confirmation. */
  token: hostToken.nullable(),
  /** Whether the running system was the last to be confirmed. */
  confirmed: z.boolean(),
  phase: hostWord,
  activation: z.object({ token: hostToken.nullable(), wanted: path, recorded: path }).nullable().optional(),
  /** The system that was committed before, if `rollback` can activate it. */
  previous: path.optional(),
  last: verbResult.nullable().optional(),
  failedUnits: hostList(unitName).optional(),
  kernel: line.optional(),
  /** Kernel of the booted system. */
  bootedKernel: line.optional(),
  /** Whether a deploy may reboot the machine. */
  reboot: hostWord.nullable().optional(),
  /** A system that takes effect at the next reboot. */
  staged: z.object({ token: hostToken, wanted: hostPath }).nullable().optional(),
  deploy: provenance.nullable().optional(),
  inhibitors: hostRecord(hostLine).nullable().optional(),
  units: hostRecord(hostLine).nullable().optional(),
  /**
   * Name -> id of its delivery, for each secret that has not changed since. Probe keys do not get
   * it. A secret may have the name of an inherited property, such as `constructor`.
   */
  deliveries: hostRecord(hostId, { inherited: true }).optional(),
  /** From supervisors before DELIVERIES_VERSION: name -> SHA-256 of each secret on the host. */
  secrets: hostRecord(z.string().regex(/^[0-9a-f]{64}$/, "not a SHA-256"), { inherited: true }).optional(),
});
export type SupervisorStatus = z.infer<typeof supervisorStatus>;

/** The remote command of a verb. `program`: the supervisor in the wanted closure, for a machine that has none yet. */
export function verbWords(
  user: string,
  verb: readonly string[],
  program: string = SUPERVISOR_PATH,
): string[] {
  // -n: sudo fails instead of waiting for a password.
  return user === "root" ? [program, ...verb] : ["sudo", "-n", program, ...verb];
}

/** The ssh command of a verb. These verbs carry no secret; secrets are delivered by secrets/delivery.ts. */
export const verbArgv = (peer: SshPeer, verb: readonly string[], program?: string): string[] =>
  sshArgv({ ...peer, carriesNoSecret: true }, verbWords(peer.user, verb, program));
