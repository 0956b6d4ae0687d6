/** What a deploy is told: under 1 kB of JSON, since each replaced resource writes it to the state four times. */
import * as z from "zod";
import { nixPublicKey } from "../../inventory/primitives.ts";
import { hostPath, hostToken } from "../protocol/answer.ts";

const hostName = z.string().regex(/^[a-z][a-z0-9-]*$/);

/** A machine that builds for another one, reached as the same account. */
const buildHost = z.strictObject({
  host: hostName,
  address: z.string().min(1),
  port: z.int().min(1).max(65535).default(22),
  hostKey: z.string(),
});

const deploySpecFields = z.strictObject({
  schemaVersion: z.literal(1),
  host: hostName,
  address: z.string().min(1),
  port: z.int().min(1).max(65535).default(22),
  user: z.string().min(1).default("deploy"),
  /** False: the probe found a machine without a supervisor. It is reached as root, and the closure's own is used. */
  managed: z.boolean().default(true),
  /** Public host keys, `TYPE BASE64`: the only ones that are accepted. */
  hostKeys: z.array(z.string()).min(1),
  /** Absent: the system is on the host already (one that was put back on purpose); it is only activated. */
  drvPath: hostPath.optional(),
  outPath: hostPath,
  /** Where it is built: the machine it is for, or another one, each over SSH; absent: here. */
  build: z.union([z.literal("target"), buildHost]).optional(),
  /**
   * With `build`, whose key signs what was built there: the host's own (this is its public half), which no other host trusts, or the
   * fleet's, where the builder is trusted like the runner.
   */
  signer: z.union([z.literal("fleet"), nixPublicKey]).optional(),
  /** Opaque; the host keeps it when the system is confirmed. */
  token: hostToken,
  /** A must host that does not answer is a failure; a best-effort one is offline. */
  converge: z.enum(["must", "best-effort"]).default("must"),
  /** Hosts of earlier waves that had to converge and did not; with any, this host is not touched. */
  heldBy: z.array(z.string()).default([]),
  /** Why nothing may be done on the host. */
  refused: z.string().optional(),
  /** Whether the host may be rebooted for it. The host decides by its own deploy.conf; here it bounds the waiting. */
  reboot: z.enum(["allow", "never"]).default("never"),
  /** Whose deploy it is: the host keeps it. Absent: nobody knows. */
  provenance: z
    .strictObject({ commit: z.string().nullable(), dirty: z.boolean().nullable(), by: z.string() })
    .optional(),
  /** Binary cache to push to before the copy, such as `s3://bucket?endpoint=…`. */
  push: z.string().optional(),
  /** Limits in seconds. The host enforces its own from the closure's deploy.conf; here they bound the waiting for it. */
  seconds: z
    .strictObject({
      connect: z.int().positive().default(10),
      /** A host's answer to what it runs. */
      probe: z.int().positive().default(20),
      build: z.int().positive().default(3600),
      sign: z.int().positive().default(300),
      push: z.int().positive().default(1800),
      /** The first try of a copy, in which the host may get paths from its substituters. */
      substitute: z.int().positive().default(600),
      copy: z.int().positive().default(1800),
      switch: z.int().positive().default(300),
      health: z.int().nonnegative().default(60),
      confirm: z.int().nonnegative().default(30),
      /** Going down, and again coming up. */
      reboot: z.int().positive().default(300),
    })
    .prefault({}),
});
/** Nothing is the fleet's by leaving a word out. */
export const deploySpec = deploySpecFields.refine(
  ({ build, signer }) => (build === undefined) === (signer === undefined),
  "`build` and `signer` belong together",
);
export type DeploySpec = z.infer<typeof deploySpec>;
export type DeploySpecInput = z.input<typeof deploySpec>;

/** The host's own key, where what was built for it is trusted by it alone; undefined: the fleet's signs. */
export const hostSigningKey = ({ signer }: Pick<DeploySpec, "signer">): string | undefined =>
  signer === "fleet" ? undefined : signer;

/** @throws Error saying what of the JSON is wrong. */
export function parseSpec(json: string): DeploySpec {
  try {
    return deploySpec.parse(JSON.parse(json));
  } catch (error) {
    throw new Error(
      `PANTHEROS_DEPLOY cannot be read: ${error instanceof z.ZodError ? z.prettifyError(error) : String(error)}`,
    );
  }
}

/** The names of held-by hosts that fit: a hundred of them would not. */
export function truncateNames(names: readonly string[], most = 5): string[] {
  return names.length <= most ? [...names] : [...names.slice(0, most), `${names.length - most} more`];
}

/** Seconds after which an activation that was begun has ended on the host, whatever happened to the connection. */
export function activationBudget({ seconds, reboot }: Pick<DeploySpec, "seconds" | "reboot">): number {
  // Down and up again, and the same for the way back.
  const boots = reboot === "allow" ? seconds.reboot * 4 : 0;
  return seconds.switch * 2 + seconds.health * 2 + seconds.confirm + 120 + boots;
}
