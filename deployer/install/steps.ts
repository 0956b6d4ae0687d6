/** The phases of a first install as data; nothing runs here. */

import { readFileSync } from "node:fs";
import * as z from "zod";
import { SIGN_HINT, signArgv } from "../deploy/closure.ts";
import type { Command, CommandResult } from "../process/runner.ts";
import { PROGRAMS } from "../programs.ts";
import { hostId, hostLine, MAX_ANSWER_BYTES } from "../protocol/answer.ts";
import { verbArgv } from "../protocol/supervisor.ts";
import { SSH_HINTS, type SshPeer, shellWord, sshArgv, sshTrouble } from "../ssh.ts";
import type { InstallSpec } from "./spec.ts";

export type Phase = "kexec" | "disko" | "install" | "reboot";

export interface InstallFiles {
  /** known_hosts that pins the throw-away key. */
  readonly bootstrapHosts: string;
  /** known_hosts that pins the machine's own key. */
  readonly hosts: string;
  readonly identity?: string | undefined;
  /** Nix secret key; without one the closure is signed already, by the cache. */
  readonly signingKey?: string | undefined;
  /** Becomes `/` of the machine: its host key, and what it must have at its first boot. */
  readonly extraFiles: string;
  /** Directory whose `ssh` checks the throw-away key whatever its caller says (sshScript). */
  readonly programs: string;
}

export interface InstallStep extends Command {
  readonly name: string;
  readonly hint: (ran: CommandResult) => string | undefined;
}

/** Seconds one look at a machine may take. */
const lookSeconds = 20;

/** What a machine that shows the throw-away key says of itself. */
export const facts = z.object({
  id: hostLine,
  variant: hostLine,
  bootId: hostId,
  machineId: z
    .string()
    .regex(/^[0-9a-f]{0,32}$/, "not a machine id")
    .default(""),
  /** Some of the files and disks that a machine just created does not have; empty: it is as it was made. */
  data: hostLine.default(""),
  /** Phases that were finished since this system booted, each with what it was for (see doneLine). */
  done: hostLine.default(""),
});
export type Facts = z.infer<typeof facts>;

/** On the machine, in memory: what was finished since it booted, gone with the installer. facts.sh reads it. */
const doneFile = "/run/pantheros-install";

function peer(spec: InstallSpec, user: string, file: string, identity: string | undefined): SshPeer {
  const { host, address, port, seconds } = spec;
  return { host, address, port, user, pinned: { file }, identity: identity, connectSeconds: seconds.connect };
}

const sshHint = (ran: CommandResult): string | undefined => {
  const trouble = sshTrouble(ran.stderr);
  return trouble === undefined ? undefined : SSH_HINTS[trouble];
};

/** Asks the installed machine, which shows its own host key, for its status. */
export function statusStep(spec: InstallSpec, files: InstallFiles): InstallStep {
  return {
    name: "look",
    argv: verbArgv(peer(spec, spec.user, files.hosts, files.identity), ["status"]),
    timeoutSeconds: lookSeconds,
    maxOutputBytes: MAX_ANSWER_BYTES,
    hint: sshHint,
  };
}

/** Asks an installed machine for its id, as the deploy user. */
export function lookMachineId(spec: InstallSpec, files: InstallFiles): InstallStep {
  return {
    name: "look",
    argv: sshArgv(peer(spec, spec.user, files.hosts, files.identity), ["cat", "/etc/machine-id"]),
    timeoutSeconds: lookSeconds,
    maxOutputBytes: MAX_ANSWER_BYTES,
    hint: sshHint,
  };
}

/** Asks the machine that was just created, which shows the throw-away key. */
export function lookBootstrap(spec: InstallSpec, files: InstallFiles): InstallStep {
  return {
    name: "look",
    argv: sshArgv(peer(spec, "root", files.bootstrapHosts, files.identity), ["sh"]),
    input: readFileSync(PROGRAMS.installFacts, "utf8"),
    timeoutSeconds: lookSeconds,
    maxOutputBytes: MAX_ANSWER_BYTES,
    hint: sshHint,
  };
}

/** What a finished phase is told by: the same phase for another disk script or system is another one. */
const doneWord = (spec: InstallSpec, phase: Phase): string =>
  `${phase}:${phase === "disko" ? spec.disko?.script : spec.outPath}`;

/** Notes on the machine that a phase is finished. */
export function doneStep(spec: InstallSpec, files: InstallFiles, phase: Phase): InstallStep {
  return {
    name: "note",
    argv: sshArgv(peer(spec, "root", files.bootstrapHosts, files.identity), ["tee", "-a", doneFile]),
    input: `${doneWord(spec, phase).replace(":", " ")}\n`,
    timeoutSeconds: lookSeconds,
    maxOutputBytes: MAX_ANSWER_BYTES,
    hint: sshHint,
  };
}

export function buildStep(spec: InstallSpec): InstallStep {
  const wanted = [spec.drvPath, ...(spec.disko === undefined ? [] : [spec.disko.drvPath])];
  const nix = ["nix", "--extra-experimental-features", "nix-command flakes"];
  return {
    name: "build",
    argv: [...nix, "build", "--no-link", ...wanted.map((drv) => `${drv}^out`)],
    timeoutSeconds: spec.seconds.build,
    hint: () => `see the whole log: nix log ${spec.drvPath}`,
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

/** The phases a machine still needs: one that runs the installer already was interrupted, and is resumed. */
export function phasesFor(spec: InstallSpec, at: Facts): Phase[] {
  const rest: Phase[] = [...(spec.disko === undefined ? [] : (["disko"] as const)), "install", "reboot"];
  if (at.variant !== "installer") return ["kexec", ...rest];
  const words = at.done.split(" ");
  const done = (phase: Phase) =>
    words.some((word, index) => `${word}:${words[index + 1]}` === doneWord(spec, phase));
  // What follows a phase that has to be repeated is repeated too.
  const first = rest.findIndex((phase) => !done(phase));
  return rest.slice(first);
}

/** Options for every connection of nixos-anywhere, whatever it says itself. */
const phaseOptions = (spec: InstallSpec, files: InstallFiles): string[] => [
  `HostKeyAlias=${spec.host}`,
  `UserKnownHostsFile=${files.bootstrapHosts}`,
  "GlobalKnownHostsFile=/dev/null",
  "StrictHostKeyChecking=yes",
  "UpdateHostKeys=no",
  "BatchMode=yes",
  `ConnectTimeout=${spec.seconds.connect}`,
  "ServerAliveInterval=5",
  "ControlMaster=no",
  "ControlPath=none",
];

/**
 * The `ssh` that nixos-anywhere finds first on its PATH. It passes StrictHostKeyChecking=no and UserKnownHostsFile=/dev/null
 * before all options of a caller, and ssh takes the first value of an option: so ours have to come before its words.
 * Source: src/nixos-anywhere.sh, src/default.nix (the system's own ssh is preferred) of nixos-anywhere 1.13.0.
 */
export function sshScript(spec: InstallSpec, files: InstallFiles, path: string): string {
  const options = phaseOptions(spec, files).flatMap((option) => ["-o", option]);
  return `#!/bin/sh\nPATH=${shellWord(path)}\nexport PATH\nexec ssh -F /dev/null ${options.map(shellWord).join(" ")} "$@"\n`;
}

/** One phase of nixos-anywhere, each on its own so that each has its own bound and can be repeated. */
export function phaseStep(spec: InstallSpec, files: InstallFiles, phase: Phase): InstallStep {
  return {
    name: phase,
    argv: [
      "nixos-anywhere",
      // Without disko the first path is not used; it only has to exist.
      ...["--store-paths", spec.disko?.script ?? spec.outPath, spec.outPath],
      ...["--phases", phase, "--extra-files", files.extraFiles, "--ssh-port", String(spec.port)],
      ...(files.identity === undefined ? [] : ["-i", files.identity]),
      ...phaseOptions(spec, files).flatMap((option) => ["--ssh-option", option]),
      ...["--target-host", `root@${spec.address}`],
    ],
    env: { PATH: `${files.programs}:${process.env["PATH"] ?? ""}` },
    timeoutSeconds: spec.seconds[phase],
    hint: (ran) => phaseHints[phase] ?? sshHint(ran),
  };
}

const phaseHints: Partial<Record<Phase, string>> = {
  kexec:
    "kexec needs 1.5 GB of memory, and some machine types refuse it: look at the vendor's console; the next `pulumi up` tries again",
  disko: "the disk script of this host: nix/hosts/HOST and `storage` in fleet.toml",
};
