/** Time limits of a deploy. Their defaults are written only here. */
import * as z from "zod";
import { camelKeys } from "./primitives.ts";

const limit = (seconds: number, meaning: string, { min = 1, max = 86400 } = {}) =>
  z.int().min(min).max(max).default(seconds).describe(meaning);

/** Limits on the host. They are keys of `[deploy]`, because the host enforces them without the runner. */
export const hostSeconds = {
  confirm_seconds: limit(
    30,
    "seconds that a healthy new system waits for its confirmation; then the old one is restored",
    { min: 5, max: 3600 },
  ),
  health_seconds: limit(60, "seconds within which all health checks of a host must pass", {
    max: 3600,
  }),
  health_period_seconds: limit(2, "seconds between attempts of a health check", { max: 60 }),
  switch_seconds: limit(
    300,
    "seconds that one run of switch-to-configuration may take; then the host ends it",
    { min: 5, max: 3600 },
  ),
  reboot_seconds: limit(
    300,
    "seconds within which a rebooting host must be down, and as many until it is up",
    { min: 10, max: 3600 },
  ),
};

const installSeconds = z.strictObject({
  boot: limit(
    300,
    "until a created machine first answers, and the installer after kexec; a run does not wait for a server that is off",
  ),
  kexec: limit(900, "nixos-anywhere's kexec: the machine becomes the installer"),
  disko: limit(900, "nixos-anywhere's disko: the disk is partitioned and formatted"),
  install: limit(3600, "nixos-anywhere's install: the system is copied to the disk"),
  reboot: limit(300, "nixos-anywhere's reboot: the installer goes down"),
  answer: limit(600, "until the installed machine first answers with its own host key"),
});

/** Limits on the runner. A step that takes longer fails with an error that names the limit. */
export const runnerSeconds = z.strictObject({
  connect: limit(10, "an SSH connection, with banner and key exchange"),
  probe: limit(20, "a host's status, in previews too; without the connection"),
  evaluate: limit(600, "the evaluation of all hosts of a stack"),
  compare: limit(60, "the comparison of closures in a preview"),
  build: limit(3600, "the build of one host's system"),
  secret: limit(30, "each of the two connections that deliver a secret"),
  sign: limit(300, "signing one closure"),
  push: limit(1800, "the copy of a closure to the binary cache"),
  substitute: limit(600, "downloads of a host from its substituters, such as the cache; the rest is copied"),
  copy: limit(1800, "the copy of a closure to its host"),
  install: installSeconds.prefault({}).describe("the phases of a first installation"),
});
export type RunnerSeconds = z.infer<typeof runnerSeconds>;

export const DEFAULT_HOST_SECONDS = camelKeys(z.strictObject(hostSeconds).parse({}));
export const DEFAULT_SECONDS: Readonly<RunnerSeconds> = runnerSeconds.parse({});
const defaults: Readonly<Record<string, unknown>> = { ...DEFAULT_SECONDS, ...DEFAULT_SECONDS.install };

/** The limits that differ from their default: only these are inputs of a resource, which the state stores. */
export const changedLimits = (limits: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(limits).filter(([step, limit]) => limit !== defaults[step]));
