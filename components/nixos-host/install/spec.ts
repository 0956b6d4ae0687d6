/** What an install is told. The machine's future host key comes on standard input and is not part of it. */
import * as z from "zod";

const storePath = z.string().regex(/^\/nix\/store\/[0-9a-z]{32}-[A-Za-z0-9+._?=-]+$/, "not a store path");

/** Name of the mark among the files that the supervisor keeps and whose sums it tells; no secret of an inventory has a `_`. */
export const installMark = "install_mark";

export const installSpec = z.strictObject({
  schemaVersion: z.literal(1),
  host: z.string().regex(/^[a-z][a-z0-9-]*$/),
  address: z.string().min(1),
  port: z.int().min(1).max(65535).default(22),
  user: z.string().min(1).default("deploy"),
  /** The key the installed machine will show: public half of what standard input holds. */
  hostKey: z.string(),
  /** The throw-away key that only a machine just created for this host shows. */
  bootstrapKey: z.string(),
  drvPath: storePath,
  outPath: storePath,
  /** disko's script; a machine whose flake has none keeps its partitions. */
  disko: z.strictObject({ drvPath: storePath, script: storePath }).optional(),
  /** Left on the machine, so that the next run knows it from there; absent: the one it has stays. */
  mark: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
    .optional(),
  /** Limits in seconds, one for each phase. */
  seconds: z
    .strictObject({
      connect: z.int().positive().default(10),
      /** From now until the created machine answers for the first time. */
      boot: z.int().positive().default(300),
      build: z.int().positive().default(3600),
      kexec: z.int().positive().default(900),
      disko: z.int().positive().default(900),
      install: z.int().positive().default(3600),
      reboot: z.int().positive().default(300),
      /** From the reboot until it answers with its own host key. */
      answer: z.int().positive().default(600),
    })
    .prefault({}),
});
export type InstallSpec = z.infer<typeof installSpec>;
export type InstallSpecInput = z.input<typeof installSpec>;
