/** The form of a deploy's steps, and those that connect to the host or call its supervisor. Pure functions: nothing runs here. */
import { lastLines } from "../../lib/sanitize.ts";
import { loginHint } from "../login.ts";
import type { Command, CommandResult } from "../process/runner.ts";
import { MAX_ANSWER_BYTES } from "../protocol/answer.ts";
import { verbArgv } from "../protocol/supervisor.ts";
import {
  closeConnectionArgv,
  commandText,
  identityReason,
  openConnectionArgv,
  type SharedFiles,
  type SshPeer,
  sharedFiles,
  sshHint,
  sshTrouble,
} from "../ssh.ts";
import type { DeploySpec } from "./spec.ts";

export type StepName = "build" | "sign" | "push" | "connect" | "copy" | "activate" | "confirm" | "status";

export interface Step extends Command {
  readonly name: StepName;
  /** Advice for a failure of this step, from its output. */
  readonly hint: (ran: CommandResult) => string | undefined;
}

export interface StepFailure {
  readonly step: StepName;
  /** The command as a person would type it. */
  readonly command: string;
  /** Absent when a signal ended the command. */
  readonly exitCode?: number;
  readonly reason: string;
  readonly hint?: string;
}

/** Files on the runner that steps need. */
export interface RunnerFiles {
  readonly knownHosts: string;
  /** ssh configuration for Nix, with a section for each machine that it may connect to. Its path has no blank. */
  readonly sshConfig: string;
  /** Private key of the deploy user. */
  readonly identity?: string | undefined;
  /** Private directory for shared connections. NIX_CONF_DIR points to it, so it holds no nix.conf. */
  readonly connections: string;
  /** Nix secret key; the host accepts only closures that a trusted key signed. */
  readonly signingKey?: string | undefined;
}

/**
 * The host over a connection of its own, which proves that the host can be reached.
 * @param port the wanted system's by default
 */
export function peer(spec: DeploySpec, files: RunnerFiles, user: string, port = spec.port): SshPeer {
  const { host, address, jumps, seconds } = spec;
  const { knownHosts, identity } = files;
  return {
    host,
    address,
    port,
    user,
    jumps,
    connectSeconds: seconds.connect,
    pinned: { file: knownHosts },
    identity,
  };
}

/** The host with the login that may change it: root only while it has no supervisor. */
export const actingPeer = (spec: DeploySpec, files: RunnerFiles): SshPeer =>
  peer(spec, files, spec.managed ? spec.user : "root", spec.currentPort);

/**
 * Ports on which the host may listen after the activation, the likelier first: a rollback returns
 * to the former one.
 */
export const portsOf = ({ port, formerPort }: DeploySpec): number[] =>
  formerPort === undefined ? [port] : [port, formerPort];

/** Files of the connection that copy and activation share; undefined where none can be made, so that each command makes its own. */
export const connectionFiles = (spec: DeploySpec, files: RunnerFiles): SharedFiles | undefined =>
  sharedFiles(files.connections, spec.host);

/** The same host over the shared connection: a new one would take longer than a verb itself. */
export const sharedPeer = (spec: DeploySpec, files: RunnerFiles): SshPeer => ({
  ...actingPeer(spec, files),
  shared: connectionFiles(spec, files)?.control,
});

/** Seconds to connect to the host and to each jump host. */
const connectLimit = ({ seconds, jumps = [] }: DeploySpec): number => seconds.connect * (1 + jumps.length);

/** Opens the shared connection, which also proves that the host can be reached. */
export function connectStep(spec: DeploySpec, files: RunnerFiles): Step | undefined {
  const connection = connectionFiles(spec, files);
  return (
    connection && {
      name: "connect",
      argv: openConnectionArgv(actingPeer(spec, files), connection),
      log: connection.log,
      timeoutSeconds: spec.seconds.probe + connectLimit(spec),
      hint: connectionHint,
    }
  );
}

export function closeConnectionCommand(spec: DeploySpec, files: RunnerFiles): Command | undefined {
  const connection = connectionFiles(spec, files);
  return (
    connection && { argv: closeConnectionArgv(spec.host, connection), timeoutSeconds: spec.seconds.connect }
  );
}

/** Calls a verb of the supervisor. */
export function verbStep(spec: DeploySpec, name: "activate" | "confirm" | "status", to: SshPeer): Step {
  const { seconds } = spec;
  const verb = {
    activate: ["activate", spec.outPath, spec.token],
    confirm: ["confirm", spec.token],
    status: ["status"],
  }[name];
  const limit = {
    // The supervisor answers after the switch and the health checks, or after the rollback.
    activate: seconds.switch * 2 + seconds.health * 2 + 120,
    // `switch-to-configuration boot`, or the rollback.
    confirm: seconds.switch * 2 + 120,
    status: seconds.probe,
  }[name];
  // A machine without a supervisor uses the one in the closure; the new system has its own to confirm with.
  const program = to.user === "root" ? `${spec.outPath}/sw/bin/pantheros-supervisor` : undefined;
  return {
    name,
    argv: verbArgv(to, verb, program),
    ...(name === "activate" && spec.provenance ? { input: `${JSON.stringify(spec.provenance)}\n` } : {}),
    timeoutSeconds: limit + connectLimit(spec),
    maxOutputBytes: MAX_ANSWER_BYTES,
    hint: connectionHint,
  };
}

export function connectionHint(ran: CommandResult): string | undefined {
  const hint = sshHint(ran.stderr);
  if (hint !== undefined) return hint;
  const login = loginHint(`${ran.stderr}\n${ran.stdout}`);
  if (login !== undefined) return login;
  if (/sudo:.*(password|not allowed)/.test(ran.stderr)) {
    return "the deploy user's sudo rule is missing: the host's closure must import nix/modules/deployment";
  }
  if (/command not found|No such file/.test(ran.stderr)) {
    return "the running system has no pantheros-supervisor: it must import nix/modules/deployment";
  }
  return undefined;
}

/** The part of a result that a failed step fills. */
export function stepFailure(step: Step, ran: CommandResult): StepFailure {
  const hint = step.hint(ran);
  const identity = sshTrouble(ran.stderr) === "identity";
  const detail = identity ? identityReason(ran.stderr) : lastLines(ran.stderr || ran.stdout);
  const late = `not finished after ${step.timeoutSeconds} s`;
  return {
    step: step.name,
    command: commandText(step.argv),
    ...(ran.exitCode !== null && { exitCode: ran.exitCode }),
    reason: ran.timedOut
      ? `${late}${detail && `: ${detail}`}`
      : detail || `exit ${ran.exitCode ?? "by a signal"}`,
    ...(hint !== undefined && { hint }),
  };
}
