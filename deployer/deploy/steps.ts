/** What a step of a deploy is, and the verbs of the supervisor as steps. Nothing runs here. */

import { lastLines } from "../../lib/sanitize.ts";
import type { Command, CommandResult } from "../process/runner.ts";
import { MAX_ANSWER_BYTES } from "../protocol/answer.ts";
import { verbArgv } from "../protocol/supervisor.ts";
import {
  closeConnectionArgv,
  commandText,
  identityReason,
  openConnectionArgv,
  type SharedFiles,
  SSH_HINTS,
  type SshPeer,
  sharedFiles,
  sshTrouble,
} from "../ssh.ts";
import type { DeploySpec } from "./spec.ts";

export type StepName = "build" | "sign" | "push" | "connect" | "copy" | "activate" | "confirm" | "status";

export interface Step extends Command {
  readonly name: StepName;
  /** Advice for a failure of this step, from what it said. */
  readonly hint: (ran: CommandResult) => string | undefined;
}

/** Files of the runner. */
export interface RunnerFiles {
  readonly knownHosts: string;
  /** For Nix: a section for each machine it may talk to. Its path has no blank in it. */
  readonly sshConfig: string;
  /** Private key that may log in as the deploy user. */
  readonly identity?: string | undefined;
  /** Directory for shared connections, and for nothing of Nix's: it stands in for /etc/nix. Nobody else may enter it. */
  readonly connections: string;
  /** Nix secret key: the deploy user may only bring what a trusted key has signed. */
  readonly signingKey?: string | undefined;
}

export const NIX = ["nix", "--extra-experimental-features", "nix-command flakes"];

/** The host over a connection of its own: for all that shows that it can be reached. */
export function peer(spec: DeploySpec, files: RunnerFiles, user: string): SshPeer {
  const { host, address, port, seconds } = spec;
  const pinned = { file: files.knownHosts };
  return { host, address, port, user, connectSeconds: seconds.connect, pinned, identity: files.identity };
}

/** The host as who may change it now: root only where no supervisor is yet. */
export const actingPeer = (spec: DeploySpec, files: RunnerFiles): SshPeer =>
  peer(spec, files, spec.managed ? spec.user : "root");

/** Of the connection that brings the closure and activates it; undefined where there can be none, and each command has its own. */
export const connectionFiles = (spec: DeploySpec, files: RunnerFiles): SharedFiles | undefined =>
  sharedFiles(files.connections, spec.host);

/** The same over that connection: another one would cost more than what a verb does. */
export const sharedPeer = (spec: DeploySpec, files: RunnerFiles): SshPeer => ({
  ...actingPeer(spec, files),
  shared: connectionFiles(spec, files)?.control,
});

/** Opens it. It also shows that the host can be reached. */
export function connectStep(spec: DeploySpec, files: RunnerFiles): Step | undefined {
  const connection = connectionFiles(spec, files);
  return (
    connection && {
      name: "connect",
      argv: openConnectionArgv(actingPeer(spec, files), connection),
      log: connection.log,
      timeoutSeconds: spec.seconds.probe + spec.seconds.connect,
      hint: connectionHint,
    }
  );
}

/** Ends it. */
export function closeConnectionCommand(spec: DeploySpec, files: RunnerFiles): Command | undefined {
  const connection = connectionFiles(spec, files);
  return (
    connection && { argv: closeConnectionArgv(spec.host, connection), timeoutSeconds: spec.seconds.connect }
  );
}

/** A verb of the supervisor. */
export function verbStep(spec: DeploySpec, name: "activate" | "confirm" | "status", to: SshPeer): Step {
  const { seconds } = spec;
  const verb = {
    activate: ["activate", spec.outPath, spec.token],
    confirm: ["confirm", spec.token],
    status: ["status"],
  }[name];
  const limit = {
    // The supervisor answers after the switch and the health checks, or after the way back.
    activate: seconds.switch * 2 + seconds.health * 2 + 120,
    // `switch-to-configuration boot`, or the way back.
    confirm: seconds.switch * 2 + 120,
    status: seconds.probe,
  }[name];
  // A machine without a supervisor is changed by the one in the closure; confirming is the new system's.
  const program = to.user === "root" ? `${spec.outPath}/sw/bin/pantheros-supervisor` : undefined;
  return {
    name,
    argv: verbArgv(to, verb, program),
    ...(name === "activate" && spec.provenance ? { input: `${JSON.stringify(spec.provenance)}\n` } : {}),
    timeoutSeconds: limit + seconds.connect,
    maxOutputBytes: MAX_ANSWER_BYTES,
    hint: connectionHint,
  };
}

export function connectionHint(ran: CommandResult): string | undefined {
  const trouble = sshTrouble(ran.stderr);
  if (trouble !== undefined) return SSH_HINTS[trouble];
  if (/sudo:.*(password|not allowed)/.test(ran.stderr)) {
    return "the deploy user's sudo rule is missing: the host's closure must import nix/modules/deployment";
  }
  if (/command not found|No such file/.test(ran.stderr)) {
    return "the running system has no pantheros-supervisor: it must import nix/modules/deployment";
  }
  return undefined;
}

/** What a failed step is told as. */
export function stepFailure(step: Step, ran: CommandResult) {
  const hint = step.hint(ran);
  const identity = sshTrouble(ran.stderr) === "identity";
  const said = identity ? identityReason(ran.stderr) : lastLines(ran.stderr || ran.stdout);
  const late = `not finished after ${step.timeoutSeconds} s`;
  return {
    step: step.name,
    command: commandText(step.argv),
    ...(ran.exitCode === null ? {} : { exitCode: ran.exitCode }),
    reason: ran.timedOut ? `${late}${said && `: ${said}`}` : said || `exit ${ran.exitCode ?? "by a signal"}`,
    ...(hint === undefined ? {} : { hint }),
  };
}
