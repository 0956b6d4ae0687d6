/** What `pantheros-supervisor` (nix/modules/deployment/supervisor/) says, and how to ask it. */
import * as z from "zod";
import { type SshPeer, sshArgv } from "./ssh.ts";

/** Where the running system keeps it; the sudo rule of the deploy user names exactly this path. */
export const supervisorPath = "/run/current-system/sw/bin/pantheros-supervisor";

const text = z.string().nullable();

/** One health check as the host saw it. */
export const healthReport = z.array(
  z.object({ name: z.string().nullable(), ok: z.boolean(), detail: text.optional() }),
);

/** Whose deploy made a system the committed one; `at` is the host's clock, `previous` what was committed before it. */
export const provenance = z.object({
  commit: text.optional(),
  dirty: z.boolean().nullable().optional(),
  by: text.optional(),
  at: z.string(),
  closure: z.string(),
  previous: text.optional(),
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
  step: text.optional(),
  command: text.optional(),
  exitCode: z.number().optional(),
  reason: text.optional(),
  wanted: text.optional(),
  recorded: text.optional(),
  /** `/run/current-system` at that moment. */
  running: text.optional(),
  booted: text.optional(),
  bootId: text.optional(),
  generation: z.number().nullable().optional(),
  token: text.optional(),
  at: text.optional(),
  failedUnits: z.array(z.string()).optional(),
  /** Units that served before the activation and do not after a rollback. */
  missingUnits: z.array(z.string()).optional(),
  health: healthReport.optional(),
  /** What differs from the booted system, and so waits for a reboot. */
  waits: text.optional(),
  /** Of the system that is committed now. */
  deploy: provenance.nullable().optional(),
});
export type VerbResult = z.infer<typeof verbResult>;

export const phases = [
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
  /** Of the supervisor's protocol; 0: a machine that was never managed, read without a supervisor. */
  version: z.number(),
  system: text,
  booted: text,
  /** What the system profile points at: the newest committed generation. */
  profile: text,
  /** What the boot loader starts next; null where its files are not understood. */
  bootDefault: text,
  generation: z.number().nullable(),
  bootId: text,
  /** Token of the last confirmation; opaque. */
  token: text,
  /** The running system is the one that was last confirmed. */
  confirmed: z.boolean(),
  phase: z.string(),
  activation: z.object({ token: text, wanted: text, recorded: text }).nullable().optional(),
  /** The system committed before the one that is committed now, where it can be gone back to. */
  previous: text.optional(),
  last: verbResult.nullable().optional(),
  failedUnits: z.array(z.string()).optional(),
  kernel: text.optional(),
  /** Kernel of the booted system: another one waits for a reboot. */
  bootedKernel: text.optional(),
  /** Whether the running system lets a deploy reboot the machine. */
  reboot: z.string().nullable().optional(),
  /** A system that boots next, and waits for somebody's reboot. */
  staged: z.object({ token: z.string(), wanted: z.string() }).nullable().optional(),
  deploy: provenance.nullable().optional(),
  inhibitors: z.record(z.string(), z.unknown()).nullable().optional(),
  units: z.record(z.string(), z.string()).nullable().optional(),
  /** Name -> sha256 of each secret on the host. */
  secrets: z.record(z.string(), z.string()).optional(),
});
export type SupervisorStatus = z.infer<typeof supervisorStatus>;

/** The words to run on a host for a verb. `program` is the wanted closure's own on a machine that has none yet. */
export function verbWords(user: string, verb: readonly string[], program: string = supervisorPath): string[] {
  // -n: without a password prompt that nobody would answer.
  return user === "root" ? [program, ...verb] : ["sudo", "-n", program, ...verb];
}

/** ssh that runs a verb on a host. None of these verbs carries a secret; what brings one has words of its own (deliveryCommand). */
export const verbArgv = (peer: SshPeer, verb: readonly string[], program?: string): string[] =>
  sshArgv({ ...peer, nothingSecret: true }, verbWords(peer.user, verb, program));

/** The JSON object in what a verb printed (the last line that is one), or undefined. */
export function parseLine<T>(schema: z.ZodType<T>, stdout: string): T | undefined {
  for (const line of stdout.trim().split("\n").reverse()) {
    if (!line.startsWith("{")) continue;
    try {
      const parsed = schema.safeParse(JSON.parse(line));
      return parsed.success ? parsed.data : undefined;
    } catch {
      return undefined; // cut short: the connection went while it was printed
    }
  }
  return undefined;
}
