/** The input of a deploy. It stays under 1 kB of JSON, because each replaced resource writes it to the state four times. */
import * as z from "zod";
import { nixPublicKey, port, SSH_PORT } from "../../inventory/primitives.ts";
import { DEFAULT_HOST_SECONDS, DEFAULT_SECONDS } from "../../inventory/seconds.ts";
import { hostPath, hostToken } from "../protocol/answer.ts";
import { sshJump } from "../ssh.ts";

const hostName = z.string().regex(/^[a-z][a-z0-9-]*$/);

/** A builder of another host's closure. Its login is the host's deploy user. */
const buildHost = z.strictObject({
  host: hostName,
  address: z.string().min(1),
  port: port.default(SSH_PORT),
  hostKey: z.string(),
  jumps: z.array(sshJump).optional(),
});

const deploySpecFields = z.strictObject({
  schemaVersion: z.literal(1),
  host: hostName,
  address: z.string().min(1),
  port: port.default(SSH_PORT),
  /**
   * sshd's port in the old system, while the port changes. The status is also read there, and
   * pinned systems are also confirmed there.
   */
  formerPort: port.optional(),
  /** The former port, when the probe found the host there. All connections before the activation use it. */
  currentPort: port.optional(),
  /** Jump hosts on the way, from the runner on. */
  jumps: z.array(sshJump).optional(),
  user: z.string().min(1),
  /** False when the probe found no supervisor: the login is root, and the closure's supervisor is used. */
  managed: z.boolean().default(true),
  /** Public host keys, `TYPE BASE64`; no other is accepted. */
  hostKeys: z.array(z.string()).min(1),
  /** Absent for a pinned system: it is on the host already and is only activated. */
  drvPath: hostPath.optional(),
  outPath: hostPath,
  /** Where the closure is built over SSH: on the host itself or on another machine. Absent: on the runner. */
  build: z.union([z.literal("target"), buildHost]).optional(),
  /**
   * With `build`, the key that signs the closure: the public half of the host's own key, which no other host trusts, or `fleet` where
   * the builder is trusted like the runner.
   */
  signer: z.union([z.literal("fleet"), nixPublicKey]).optional(),
  /** Opaque; the host stores it when the system is confirmed. */
  token: hostToken,
  /** A required host that does not answer is a failure; a best-effort one is offline. */
  converge: z.enum(["must", "best-effort"]).default("must"),
  /** Required hosts of earlier waves that did not converge; when there are any, this host is not touched. */
  heldBy: z.array(z.string()).default([]),
  /** Why the host must not be touched. */
  refused: z.string().optional(),
  /** Whether the deploy may reboot the host. The host decides by its own deploy.conf; here the value bounds the waiting. */
  reboot: z.enum(["allow", "never"]).default("never"),
  /** Who deployed which commit; the host stores it. Absent when unknown. */
  provenance: z
    .strictObject({ commit: z.string().nullable(), dirty: z.boolean().nullable(), by: z.string() })
    .optional(),
  /** Binary cache to push to before the copy, such as `s3://bucket?endpoint=…`. */
  push: z.string().optional(),
  /** Limits in seconds. The host enforces its own from the closure's deploy.conf; here they bound the waiting for it. */
  seconds: z
    .strictObject({
      connect: z.int().positive().default(DEFAULT_SECONDS.connect),
      /** A host's answer to what it runs. */
      probe: z.int().positive().default(DEFAULT_SECONDS.probe),
      build: z.int().positive().default(DEFAULT_SECONDS.build),
      sign: z.int().positive().default(DEFAULT_SECONDS.sign),
      push: z.int().positive().default(DEFAULT_SECONDS.push),
      /** The first try of a copy, in which the host may get paths from its substituters. */
      substitute: z.int().positive().default(DEFAULT_SECONDS.substitute),
      copy: z.int().positive().default(DEFAULT_SECONDS.copy),
      switch: z.int().positive().default(DEFAULT_HOST_SECONDS.switchSeconds),
      health: z.int().nonnegative().default(DEFAULT_HOST_SECONDS.healthSeconds),
      confirm: z.int().nonnegative().default(DEFAULT_HOST_SECONDS.confirmSeconds),
      /** Going down, and again coming up. */
      reboot: z.int().positive().default(DEFAULT_HOST_SECONDS.rebootSeconds),
    })
    .prefault({}),
});
/** `signer` is explicit, so that a builder is never trusted like the runner by omission. */
export const deploySpec = deploySpecFields.refine(
  ({ build, signer }) => (build === undefined) === (signer === undefined),
  "`build` and `signer` belong together",
);
export type DeploySpec = z.infer<typeof deploySpec>;
export type DeploySpecInput = z.input<typeof deploySpec>;

/** The host's own public key, when it signs what was built for this host; undefined when the fleet's key signs. */
export const hostSigningKey = ({ signer }: Pick<DeploySpec, "signer">): string | undefined =>
  signer === "fleet" ? undefined : signer;

/** @throws Error that names the invalid keys. */
export function parseSpec(json: string): DeploySpec {
  try {
    return deploySpec.parse(JSON.parse(json));
  } catch (error) {
    throw new Error(
      `PANTHEROS_DEPLOY cannot be read: ${error instanceof z.ZodError ? z.prettifyError(error) : String(error)}`,
    );
  }
}

/** The first names and the number of the others. */
export function truncateNames(names: readonly string[], most = 5): string[] {
  return names.length <= most ? [...names] : [...names.slice(0, most), `${names.length - most} more`];
}

/** Seconds after which an activation has ended on the host, whatever happened to the connection. */
export function activationBudget({ seconds, reboot }: Pick<DeploySpec, "seconds" | "reboot">): number {
  // Shutdown and boot, for the activation and for the rollback.
  const boots = reboot === "allow" ? seconds.reboot * 4 : 0;
  return seconds.switch * 2 + seconds.health * 2 + seconds.confirm + 120 + boots;
}
