/** The input of an installation: the spec from the environment, and secrets from standard input. */
import * as z from "zod";
import { port, SSH_PORT } from "../../inventory/primitives.ts";
import { DEFAULT_SECONDS } from "../../inventory/seconds.ts";
import { isStorePath } from "../../lib/store-path.ts";
import { sshJump } from "../ssh.ts";

const storePath = z.string().refine(isStorePath, "not a store path");

/** As in `/etc/machine-id`. */
const machineId = z.string().regex(/^[0-9a-f]{32}$/, "not a machine id");

export const installSpec = z.strictObject({
  schemaVersion: z.literal(1),
  host: z.string().regex(/^[a-z][a-z0-9-]*$/),
  address: z.string().min(1),
  /** Port of sshd of the installed machine. A created machine and the installer listen on 22. */
  port: port.default(SSH_PORT),
  /** Jump hosts on the way, from the runner on. */
  jumps: z.array(sshJump).optional(),
  /** The deploy user on the installed machine. */
  user: z.string().min(1),
  /** The public host key that the installed machine will show; standard input has the private half. */
  hostKey: z.string(),
  /** The throw-away host key of a machine that was just created for this host. */
  bootstrapKey: z.string(),
  drvPath: storePath,
  outPath: storePath,
  /** disko's script; without it the machine keeps its partitions. */
  disko: z.strictObject({ drvPath: storePath, script: storePath }).optional(),
  /** Id of the machine that may be wiped although it runs NixOS or holds data; it has a new id afterwards. */
  reinstall: machineId.optional(),
  /** The server at its provider, for calls to the vendor's API with the token in the environment. */
  provider: z
    .strictObject({
      kind: z.string(),
      stack: z.string(),
      /** The vendor's id. */
      server: z.string(),
      /** What the provider needs besides (`installSettings`). */
      settings: z.record(z.string(), z.string()),
      /** Networks to which sshd is opened during the installation; absent when it is open already. */
      allowedSources: z.array(z.string()).optional(),
    })
    .optional(),
  /** Limits in seconds, one for each phase. */
  seconds: z
    .strictObject({
      connect: z.int().positive().default(DEFAULT_SECONDS.connect),
      /** Until the created machine answers for the first time, and after kexec until the installer answers. */
      boot: z.int().positive().default(DEFAULT_SECONDS.install.boot),
      build: z.int().positive().default(DEFAULT_SECONDS.build),
      kexec: z.int().positive().default(DEFAULT_SECONDS.install.kexec),
      disko: z.int().positive().default(DEFAULT_SECONDS.install.disko),
      install: z.int().positive().default(DEFAULT_SECONDS.install.install),
      reboot: z.int().positive().default(DEFAULT_SECONDS.install.reboot),
      /** From the reboot until it answers with its own host key. */
      answer: z.int().positive().default(DEFAULT_SECONDS.install.answer),
    })
    .prefault({}),
});
export type InstallSpec = z.infer<typeof installSpec>;
export type InstallSpecInput = z.input<typeof installSpec>;

/** Standard input, as JSON. */
export const installSecrets = z.strictObject({
  /** The private host key of the installed machine. */
  hostKey: z.string().regex(/PRIVATE KEY/, "no private key"),
  /** Name -> value of the secrets that the machine needs at its first boot, in its supervisor's directory. */
  secrets: z.record(z.string().regex(/^[a-z][a-z0-9-]*$/), z.string()).default({}),
});
export type InstallSecrets = z.infer<typeof installSecrets>;
