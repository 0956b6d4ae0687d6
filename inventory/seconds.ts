/** How long a deploy waits, and for what. Each default is written here and nowhere else. */
import * as z from "zod";
import { camelKeys } from "./primitives.ts";

const limit = (seconds: number, meaning: string, { min = 1, max = 86400 } = {}) =>
  z.int().min(min).max(max).default(seconds).describe(meaning);

/** What a host itself waits for. These are keys of `[deploy]`, since the host continues when the runner is gone. */
export const hostSeconds = {
  confirm_seconds: limit(
    30,
    "seconds a healthy new system waits for its confirmation before the old one comes back",
    { min: 5, max: 3600 },
  ),
  health_seconds: limit(60, "seconds in which all health checks of a host must have succeeded", {
    max: 3600,
  }),
  health_period_seconds: limit(2, "seconds between attempts of a health check", { max: 60 }),
  switch_seconds: limit(
    300,
    "seconds of one run of switch-to-configuration; the host ends one that takes longer",
    { min: 5, max: 3600 },
  ),
  reboot_seconds: limit(
    300,
    "seconds in which a host that reboots must be down, and again as many to be up",
    { min: 10, max: 3600 },
  ),
};

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

/** What the runner waits for. Each limit ends a step with an error that names it. */
export const runnerSeconds = z.strictObject({
  connect: limit(10, "an SSH connection, banner and key exchange included"),
  probe: limit(20, "a host's answer to what it runs, in previews too; from the connection on"),
  evaluate: limit(600, "the evaluation of all hosts of a stack"),
  compare: limit(60, "looking up closures in the local store and the cache, for a preview's comparison"),
  build: limit(3600, "the build of one host's system"),
  secret: limit(30, "each of the two connections that deliver a secret"),
  sign: limit(300, "signing one closure"),
  push: limit(1800, "the copy of a closure to the binary cache"),
  substitute: limit(600, "what a host gets from its substituters, such as the cache; the rest is copied"),
  copy: limit(1800, "the copy of a closure to its host"),
  install: installSeconds.prefault({}).describe("the phases of a first installation"),
});
export type RunnerSeconds = z.infer<typeof runnerSeconds>;

export const DEFAULT_HOST_SECONDS = camelKeys(z.strictObject(hostSeconds).parse({}));
export const DEFAULT_SECONDS: Readonly<RunnerSeconds> = runnerSeconds.parse({});
const defaults: Readonly<Record<string, unknown>> = { ...DEFAULT_SECONDS, ...DEFAULT_SECONDS.install };

/** The limits that are not at their default: a resource's input, which the state keeps, names no others. */
export const changedLimits = (limits: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(limits).filter(([step, limit]) => limit !== defaults[step]));
