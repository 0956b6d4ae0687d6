import * as z from "zod";

const limit = (seconds: number, meaning: string) =>
  z.int().min(1).max(86400).default(seconds).describe(meaning);

const installSeconds = z.strictObject({
  boot: limit(
    300,
    "a created machine's first answer, and the installer's after kexec; a server that is off is not waited for",
  ),
  kexec: limit(900, "nixos-anywhere's kexec: the machine becomes the installer"),
  disko: limit(900, "nixos-anywhere's disko: the disk is partitioned and formatted"),
  install: limit(3600, "nixos-anywhere's install: the system is copied to the disk"),
  reboot: limit(300, "nixos-anywhere's reboot: the installer goes down"),
  answer: limit(600, "the installed machine's first answer, with its own host key"),
});
export type InstallSeconds = z.infer<typeof installSeconds>;

/**
 * What the runner waits for, and how long: each of these ends a step with a named error. What a host itself waits for (switch,
 * health checks, confirmation, reboot) are keys of `[deploy]`, since it goes on when the runner is gone.
 */
export const runnerSeconds = z.strictObject({
  connect: limit(10, "an SSH connection, banner and key exchange included"),
  probe: limit(20, "a host's answer to what it runs, in previews too; from the connection on"),
  evaluate: limit(600, "the evaluation of all hosts of a stack"),
  compare: limit(60, "looking up closures in the local store and the cache, for a preview's comparison"),
  build: limit(3600, "the build of one host's system"),
  secret: limit(30, "each of the two connections that bring a secret"),
  sign: limit(300, "signing one closure"),
  push: limit(1800, "a closure's way to the binary cache"),
  substitute: limit(600, "what a host gets from its substituters, such as the cache; the rest is copied"),
  copy: limit(1800, "a closure's way to its host"),
  install: installSeconds.prefault({}).describe("the phases of a first installation"),
});
export type RunnerSeconds = z.infer<typeof runnerSeconds>;

const usual = runnerSeconds.parse({});
const usualLimits: Readonly<Record<string, unknown>> = { ...usual, ...usual.install };

/** Those limits that somebody set: what is as it is when left out stays out of what a resource is given. */
export const ownLimits = (limits: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(limits).filter(([step, limit]) => limit !== usualLimits[step]));
