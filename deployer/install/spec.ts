/** What an install is told: the spec in the environment, and what is secret on standard input. */
import * as z from "zod";
import { port, SSH_PORT } from "../../inventory/primitives.ts";
import { DEFAULT_SECONDS } from "../../inventory/seconds.ts";

const storePath = z.string().regex(/^\/nix\/store\/[0-9a-z]{32}-[A-Za-z0-9+._?=-]+$/, "not a store path");

/** A machine's own id, `/etc/machine-id`. */
const machineId = z.string().regex(/^[0-9a-f]{32}$/, "not a machine id");

export const installSpec = z.strictObject({
  schemaVersion: z.literal(1),
  host: z.string().regex(/^[a-z][a-z0-9-]*$/),
  address: z.string().min(1),
  port: port.default(SSH_PORT),
  /** The account that deploys: it answers on the installed machine. */
  user: z.string().min(1),
  /** The key the installed machine will show: public half of what standard input holds. */
  hostKey: z.string(),
  /** The throw-away key that only a machine just created for this host shows. */
  bootstrapKey: z.string(),
  drvPath: storePath,
  outPath: storePath,
  /** disko's script; a machine whose flake has none keeps its partitions. */
  disko: z.strictObject({ drvPath: storePath, script: storePath }).optional(),
  /** The machine that may be wiped although it runs a NixOS or holds data; it has another id afterwards. */
  reinstall: machineId.optional(),
  /** The server at the vendor, for what is done through its API with HCLOUD_TOKEN. */
  hetzner: z
    .strictObject({
      endpoint: z.string(),
      stack: z.string(),
      server: z.int(),
      /** The disposable system; a machine that is installed again gets it anew. */
      image: z.string(),
      /** Networks that port 22 is open to while this runs; absent: it is open anyway. */
      admit: z.array(z.string()).optional(),
    })
    .optional(),
  /** Limits in seconds, one for each phase. */
  seconds: z
    .strictObject({
      connect: z.int().positive().default(DEFAULT_SECONDS.connect),
      /** From now until the created machine answers for the first time; after kexec, until the installer does. */
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
  /** Private half of the key the installed machine will show. */
  hostKey: z.string().regex(/PRIVATE KEY/, "no private key"),
  /** Name -> what the machine must have at its first boot, where its supervisor keeps secrets. */
  secrets: z.record(z.string().regex(/^[a-z][a-z0-9-]*$/), z.string()).default({}),
});
export type InstallSecrets = z.infer<typeof installSecrets>;
