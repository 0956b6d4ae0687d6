/** The steps and phases of an installation. Pure functions: nothing runs here. */
import { readFileSync } from "node:fs";
import * as z from "zod";
import { SSH_PORT } from "../../inventory/primitives.ts";
import { SIGN_HINT, signArgv } from "../deploy/closure.ts";
import { NIX } from "../nix.ts";
import type { Command, CommandResult } from "../process/runner.ts";
import { PROGRAMS } from "../programs.ts";
import { hostId, hostLine, MAX_ANSWER_BYTES } from "../protocol/answer.ts";
import { verbArgv } from "../protocol/supervisor.ts";
import { jumpOptions, type SshPeer, shellWord, sshArgv, sshHint } from "../ssh.ts";
import type { InstallSpec } from "./spec.ts";

export type Phase = "kexec" | "disko" | "install" | "reboot";

export interface InstallFiles {
  /** known_hosts that pins the throw-away key. */
  readonly bootstrapHosts: string;
  /** known_hosts that pins the machine's own key. */
  readonly hosts: string;
  readonly identity?: string | undefined;
  /** Nix secret key. Without it the closure must have the cache's signature. */
  readonly signingKey?: string | undefined;
  /** A directory copied to `/` of the machine: its host key and the files that it needs at its first boot. */
  readonly extraFiles: string;
  /** A directory with an `ssh` that always checks the throw-away key (sshScript). */
  readonly programs: string;
}

export interface InstallStep extends Command {
  readonly name: string;
  readonly hint: (ran: CommandResult) => string | undefined;
}

/** Seconds that a query to a machine may take. */
const QUERY_SECONDS = 20;

const queryLimit = ({ seconds, jumps = [] }: InstallSpec): number =>
  QUERY_SECONDS + seconds.connect * jumps.length;

/** The output of facts.sh on a machine that shows the throw-away key. */
export const facts = z.object({
  id: hostLine,
  variant: hostLine,
  bootId: hostId,
  machineId: z
    .string()
    .regex(/^[0-9a-f]{0,32}$/, "not a machine id")
    .default(""),
  /** Some of the files and disks that a new machine does not have; empty when it is as it was created. */
  data: hostLine.default(""),
  /** Phases that are finished since this boot, each with the store path that it was for (doneStep). */
  done: hostLine.default(""),
});
export type Facts = z.infer<typeof facts>;

/** Lists the finished phases on the machine, in memory, so that it disappears with the installer. facts.sh reads it. */
const DONE_FILE = "/run/pantheros-install";

/** The installed machine, which shows its own host key. */
function installedPeer(spec: InstallSpec, { hosts, identity }: InstallFiles): SshPeer {
  const { host, address, port, user, jumps, seconds } = spec;
  return {
    host,
    address,
    port,
    user,
    jumps,
    pinned: { file: hosts },
    identity,
    connectSeconds: seconds.connect,
  };
}

/** The created machine or the installer. Both show the throw-away key and listen on their image's port. */
const bootstrapPeer = (spec: InstallSpec, files: InstallFiles): SshPeer => ({
  ...installedPeer(spec, files),
  port: SSH_PORT,
  user: "root",
  pinned: { file: files.bootstrapHosts },
});

const queryHint = (ran: CommandResult): string | undefined => sshHint(ran.stderr);

/** The status of an installed machine, which shows its own host key. */
export function statusStep(spec: InstallSpec, files: InstallFiles): InstallStep {
  return {
    name: "look",
    argv: verbArgv(installedPeer(spec, files), ["status"]),
    timeoutSeconds: queryLimit(spec),
    maxOutputBytes: MAX_ANSWER_BYTES,
    hint: queryHint,
  };
}

/** The id of an installed machine. */
export function machineIdStep(spec: InstallSpec, files: InstallFiles): InstallStep {
  return {
    name: "look",
    argv: sshArgv(installedPeer(spec, files), ["cat", "/etc/machine-id"]),
    timeoutSeconds: queryLimit(spec),
    maxOutputBytes: MAX_ANSWER_BYTES,
    hint: queryHint,
  };
}

/** The facts of a machine that was just created, which shows the throw-away key. */
export function bootstrapFactsStep(spec: InstallSpec, files: InstallFiles): InstallStep {
  return {
    name: "look",
    argv: sshArgv(bootstrapPeer(spec, files), ["sh"]),
    input: readFileSync(PROGRAMS.installFacts, "utf8"),
    timeoutSeconds: queryLimit(spec),
    maxOutputBytes: MAX_ANSWER_BYTES,
    hint: queryHint,
  };
}

/** Identifies a finished phase. The same phase for a different disk script or system is not finished. */
const doneWord = (spec: InstallSpec, phase: Phase): string =>
  `${phase}:${phase === "disko" ? spec.disko?.script : spec.outPath}`;

/** Records on the machine that a phase is finished. */
export function doneStep(spec: InstallSpec, files: InstallFiles, phase: Phase): InstallStep {
  return {
    name: "note",
    argv: sshArgv(bootstrapPeer(spec, files), ["tee", "-a", DONE_FILE]),
    input: `${doneWord(spec, phase).replace(":", " ")}\n`,
    timeoutSeconds: queryLimit(spec),
    maxOutputBytes: MAX_ANSWER_BYTES,
    hint: queryHint,
  };
}

export function buildStep(spec: InstallSpec): InstallStep {
  const wanted = [spec.drvPath, ...(spec.disko === undefined ? [] : [spec.disko.drvPath])];
  return {
    name: "build",
    argv: [...NIX, "build", "--no-link", ...wanted.map((drv) => `${drv}^out`)],
    timeoutSeconds: spec.seconds.build,
    hint: () => `read the whole log: nix log ${spec.drvPath}`,
  };
}

export function signStep(spec: InstallSpec, signingKey: string): InstallStep {
  return {
    name: "sign",
    argv: signArgv(spec.outPath, signingKey),
    timeoutSeconds: spec.seconds.build,
    hint: () => SIGN_HINT,
  };
}

/** The phases that are left. A machine that runs the installer is resumed after an interruption. */
export function phasesFor(spec: InstallSpec, at: Facts): Phase[] {
  const rest: Phase[] = [...(spec.disko === undefined ? [] : (["disko"] as const)), "install", "reboot"];
  if (at.variant !== "installer") return ["kexec", ...rest];
  const words = at.done.split(" ");
  const done = (phase: Phase) =>
    words.some((word, index) => `${word}:${words[index + 1]}` === doneWord(spec, phase));
  // Phases after one that must be repeated are repeated too.
  const first = rest.findIndex((phase) => !done(phase));
  return rest.slice(first);
}

/** Options for every connection of nixos-anywhere. They take precedence over its own (sshScript). */
const phaseOptions = (spec: InstallSpec, files: InstallFiles): string[] => [
  `HostKeyAlias=${spec.host}`,
  `UserKnownHostsFile=${files.bootstrapHosts}`,
  "GlobalKnownHostsFile=/dev/null",
  "StrictHostKeyChecking=yes",
  "UpdateHostKeys=no",
  "BatchMode=yes",
  `ConnectTimeout=${spec.seconds.connect * (1 + (spec.jumps?.length ?? 0))}`,
  "ServerAliveInterval=5",
  "ControlMaster=no",
  "ControlPath=none",
];

/**
 * The `ssh` that comes first on nixos-anywhere's PATH. nixos-anywhere passes StrictHostKeyChecking=no and
 * UserKnownHostsFile=/dev/null before the options of its caller, and ssh uses the first value of an option. So these options must
 * come before its arguments.
 * Source: src/nixos-anywhere.sh, src/default.nix (the system's own ssh is preferred) of nixos-anywhere 1.13.0.
 */
export function sshScript(spec: InstallSpec, files: InstallFiles, path: string): string {
  // The ProxyCommand contains blanks, so it is only in this script: nixos-anywhere gives its own
  // options to Nix as NIX_SSHOPTS, which is split at blanks.
  const proxy = jumpOptions(bootstrapPeer(spec, files));
  const options = [...phaseOptions(spec, files), ...proxy].flatMap((option) => ["-o", option]);
  return `#!/bin/sh\nPATH=${shellWord(path)}\nexport PATH\nexec ssh -F /dev/null ${options.map(shellWord).join(" ")} "$@"\n`;
}

/** One phase of nixos-anywhere. Each runs separately, so that it has its own timeout and can be repeated. */
export function phaseStep(spec: InstallSpec, files: InstallFiles, phase: Phase): InstallStep {
  return {
    name: phase,
    argv: [
      "nixos-anywhere",
      "--store-paths",
      spec.disko?.script ?? spec.outPath, // without disko the path is unused, but it must exist
      spec.outPath,
      "--phases",
      phase,
      "--extra-files",
      files.extraFiles,
      "--ssh-port",
      String(SSH_PORT),
      ...(files.identity === undefined ? [] : ["-i", files.identity]),
      ...phaseOptions(spec, files).flatMap((option) => ["--ssh-option", option]),
      "--target-host",
      `root@${spec.address}`,
    ],
    env: { PATH: `${files.programs}:${process.env["PATH"] ?? ""}` },
    timeoutSeconds: spec.seconds[phase],
    hint: (ran) => PHASE_HINTS[phase] ?? sshHint(ran.stderr),
  };
}

const PHASE_HINTS: Partial<Record<Phase, string>> = {
  kexec:
    "kexec needs 1.5 GB of memory and does not work on some machine types: check the vendor's console, then run `pulumi up` again",
  disko: "check this host's disk layout: nix/hosts/HOST, and `storage` in fleet.toml",
};
