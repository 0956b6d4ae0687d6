/** The phases of a first install as data; nothing runs here. */
import * as z from "zod";
import type { Command, Ran } from "../deploy/runner.ts";
import { signArgv, signHint } from "../deploy/steps.ts";
import { type SshPeer, sshArgv, sshHints, sshTrouble } from "../ssh.ts";
import { verbWords } from "../supervisor.ts";
import { type InstallSpec, installMark } from "./spec.ts";

export type Phase = "kexec" | "disko" | "install" | "reboot";

export interface InstallFiles {
  /** known_hosts that pins the throw-away key. */
  readonly bootstrapHosts: string;
  /** known_hosts that pins the machine's own key. */
  readonly hosts: string;
  readonly identity?: string | undefined;
  /** Nix secret key; without one the closure is signed already, by the cache. */
  readonly signingKey?: string | undefined;
  /** Becomes `/` of the machine: its host key, and the mark of this install. */
  readonly extraFiles: string;
}

export interface InstallStep extends Command {
  readonly name: string;
  readonly hint: (ran: Ran) => string | undefined;
}

/** Seconds one look at a machine may take. */
const lookSeconds = 20;

/** What a machine that shows the throw-away key says of itself. */
export const facts = z.object({ id: z.string(), variant: z.string(), bootId: z.string() });
export type Facts = z.infer<typeof facts>;

const factsScript =
  '. /etc/os-release; printf \'{"id":"%s","variant":"%s","bootId":"%s"}\\n\' "$ID" "$VARIANT_ID" "$(cat /proc/sys/kernel/random/boot_id)"';

function peer(spec: InstallSpec, user: string, file: string, identity: string | undefined): SshPeer {
  const { host, address, port, seconds } = spec;
  return { host, address, port, user, pinned: { file }, identity, connectSeconds: seconds.connect };
}

const sshHint = (ran: Ran): string | undefined => {
  const trouble = sshTrouble(ran.stderr);
  return trouble === undefined ? undefined : sshHints[trouble];
};

/** Asks the installed machine, which shows its own host key, for its status. */
export function lookInstalled(spec: InstallSpec, files: InstallFiles): InstallStep {
  return {
    name: "look",
    argv: sshArgv(peer(spec, spec.user, files.hosts, files.identity), verbWords(spec.user, ["status"])),
    timeoutSeconds: lookSeconds,
    hint: sshHint,
  };
}

/** Gives a machine that was installed before the mark of this install, through its supervisor. */
export function markStep(spec: InstallSpec, files: InstallFiles, mark: string): InstallStep {
  const words = verbWords(spec.user, ["secret", installMark]);
  return {
    name: "mark",
    argv: sshArgv(peer(spec, spec.user, files.hosts, files.identity), words),
    input: mark,
    timeoutSeconds: lookSeconds,
    hint: sshHint,
  };
}

/** Asks the machine that was just created, which shows the throw-away key. */
export function lookBootstrap(spec: InstallSpec, files: InstallFiles): InstallStep {
  return {
    name: "look",
    argv: sshArgv(peer(spec, "root", files.bootstrapHosts, files.identity), ["sh", "-c", factsScript]),
    timeoutSeconds: lookSeconds,
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
    hint: () => signHint,
  };
}

/** The phases a machine still needs: one that runs the installer already was interrupted, and is resumed. */
export function phasesFor(spec: InstallSpec, at: Facts): Phase[] {
  const rest: Phase[] = [...(spec.disko === undefined ? [] : (["disko"] as const)), "install", "reboot"];
  return at.variant === "installer" ? rest : ["kexec", ...rest];
}

/**
 * One phase of nixos-anywhere, each on its own so that each has its own bound and can be repeated.
 *
 * Host keys: nixos-anywhere itself passes `StrictHostKeyChecking=no` and `UserKnownHostsFile=/dev/null` before the options
 * given here, and ssh takes the first value of an option. So these hold only for versions (and the sandbox's stand-in)
 * that put them first. What holds always: right before each phase the machine was asked over a connection of ours that
 * checks the throw-away key, and afterwards it must show the key that was sent to it.
 */
export function phaseStep(spec: InstallSpec, files: InstallFiles, phase: Phase): InstallStep {
  const options = [
    `HostKeyAlias=${spec.host}`,
    `UserKnownHostsFile=${files.bootstrapHosts}`,
    "GlobalKnownHostsFile=/dev/null",
    "StrictHostKeyChecking=yes",
    "BatchMode=yes",
    `ConnectTimeout=${spec.seconds.connect}`,
    "ServerAliveInterval=5",
    "ControlMaster=no",
    "ControlPath=none",
  ];
  return {
    name: phase,
    argv: [
      "nixos-anywhere",
      // Without disko the first path is not used; it only has to exist.
      ...["--store-paths", spec.disko?.script ?? spec.outPath, spec.outPath],
      ...["--phases", phase, "--extra-files", files.extraFiles, "--ssh-port", String(spec.port)],
      ...(files.identity === undefined ? [] : ["-i", files.identity]),
      ...options.flatMap((option) => ["--ssh-option", option]),
      ...["--target-host", `root@${spec.address}`],
    ],
    timeoutSeconds: spec.seconds[phase],
    hint: (ran) => phaseHints[phase] ?? sshHint(ran),
  };
}

const phaseHints: Partial<Record<Phase, string>> = {
  kexec:
    "kexec needs 1.5 GB of memory, and some machine types refuse it: look at the vendor's console; the next `pulumi up` tries again",
  disko: "the disk script of this host: nix/hosts/HOST and `storage` in fleet.toml",
};
