/** The steps of a deploy as data: what to run, for how long, and what to advise when it fails. Nothing runs here. */
import { stripVTControlCharacters } from "node:util";
import {
  commandText,
  identityReason,
  nixSshOpts,
  type SshPeer,
  sshArgv,
  sshHints,
  sshTrouble,
  storeUri,
} from "../ssh.ts";
import { verbWords } from "../supervisor.ts";
import type { Command, Ran } from "./runner.ts";
import type { DeploySpec } from "./spec.ts";

export type StepName = "build" | "sign" | "push" | "copy" | "activate" | "confirm" | "status";

export interface Step extends Command {
  readonly name: StepName;
  /** Advice for a failure of this step, from what it said. */
  readonly hint: (ran: Ran) => string | undefined;
}

/** Files of the runner. */
export interface RunnerFiles {
  readonly knownHosts: string;
  /** Private key that may log in as the deploy user. */
  readonly identity?: string | undefined;
  /** Nix secret key: the deploy user may only bring what a trusted key has signed. */
  readonly signingKey?: string | undefined;
}

const nix = ["nix", "--extra-experimental-features", "nix-command flakes"];

export function peer(spec: DeploySpec, files: RunnerFiles, user: string): SshPeer {
  const { host, address, port, seconds } = spec;
  const pinned = { file: files.knownHosts };
  return { host, address, port, user, connectSeconds: seconds.connect, pinned, identity: files.identity };
}

/** Who may change the host now: root only where no supervisor is yet. */
export const actingUser = (spec: DeploySpec): string => (spec.managed ? spec.user : "root");

export function buildStep(spec: DeploySpec): Step {
  return {
    name: "build",
    argv: [...nix, "build", "--no-link", "--print-out-paths", `${spec.drvPath}^out`],
    timeoutSeconds: spec.seconds.build,
    hint: (ran) =>
      /is not valid|does not exist/.test(ran.stderr)
        ? "the derivation was garbage collected on the runner since the evaluation; run `pulumi up` again"
        : `see the whole log: nix log ${spec.drvPath}`,
  };
}

/** Signs a closure: hosts take no unsigned one from the deploy user, and a copy adds no signature to what is there. */
export const signArgv = (outPath: string, signingKey: string): string[] => [
  ...[...nix, "store", "sign", "--recursive"],
  ...["--key-file", signingKey, outPath],
];

export const signHint = "check PANTHEROS_SIGNING_KEY: a file that `nix key generate-secret` made";

export function signStep(spec: DeploySpec, signingKey: string): Step {
  return {
    name: "sign",
    argv: signArgv(spec.outPath, signingKey),
    timeoutSeconds: spec.seconds.sign,
    hint: () => signHint,
  };
}

export function pushStep(spec: DeploySpec, cache: string): Step {
  return {
    name: "push",
    argv: [...nix, "copy", "--to", cache, spec.outPath],
    timeoutSeconds: spec.seconds.push,
    hint: () => "check the cache's address and credentials; the deploy goes on without it",
  };
}

export function copyStep(spec: DeploySpec, files: RunnerFiles): Step {
  const to = peer(spec, files, actingUser(spec));
  // Root is trusted by Nix, and a machine that was never managed does not know the fleet's signing key yet.
  const unchecked = spec.managed ? [] : ["--no-check-sigs"];
  return {
    name: "copy",
    argv: [...nix, "copy", "--substitute-on-destination", ...unchecked, "--to", storeUri(to), spec.outPath],
    env: { NIX_SSHOPTS: nixSshOpts(to) },
    timeoutSeconds: spec.seconds.copy,
    hint: (ran) => {
      if (/lacks a (valid )?signature|not signed by/.test(ran.stderr)) {
        return "the host trusts no key that signed this closure: sign with PANTHEROS_SIGNING_KEY, and have its public key in the hosts' `nix.settings.trusted-public-keys`";
      }
      if (/no space left|disk full/i.test(ran.stderr)) {
        return "the host's disk is full; the running system was not touched: `nix-collect-garbage` on the host, then `pulumi up`";
      }
      return connectionHint(ran);
    },
  };
}

/** A verb of the supervisor over a connection of its own. */
export function verbStep(
  spec: DeploySpec,
  files: RunnerFiles,
  name: "activate" | "confirm" | "status",
  user: string,
): Step {
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
    status: 20,
  }[name];
  // A machine without a supervisor is changed by the one in the closure; confirming is the new system's.
  const program = user === "root" ? `${spec.outPath}/sw/bin/pantheros-supervisor` : undefined;
  return {
    name,
    argv: sshArgv(peer(spec, files, user), verbWords(user, verb, program)),
    timeoutSeconds: limit + seconds.connect,
    hint: connectionHint,
  };
}

function connectionHint(ran: Ran): string | undefined {
  const trouble = sshTrouble(ran.stderr);
  if (trouble !== undefined) return sshHints[trouble];
  if (/sudo:.*(password|not allowed)/.test(ran.stderr)) {
    return "the deploy user's sudo rule is missing: the host's closure must import nix/modules/deployment";
  }
  if (/command not found|No such file/.test(ran.stderr)) {
    return "the running system has no pantheros-supervisor: it must import nix/modules/deployment";
  }
  return undefined;
}

/** What a failed step is told as. */
export function stepFailure(step: Step, ran: Ran) {
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

/** The end of a text that a person reads: at most 12 lines and 1500 characters, without colours. */
export function lastLines(text: string): string {
  const lines = stripVTControlCharacters(text)
    .split(/[\r\n]+/)
    .filter((line) => line.trim() !== "");
  return lines.slice(-12).join("\n").slice(-1500);
}
