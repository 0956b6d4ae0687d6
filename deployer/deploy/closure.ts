/** A closure's way to its host as steps: built, signed, pushed to the cache, copied. Nothing runs here. */

import type { CommandResult } from "../process/runner.ts";
import { type SshPeer, sshTrouble, storeUri } from "../ssh.ts";
import { type DeploySpec, hostSigningKey } from "./spec.ts";
import {
  actingPeer,
  connectionFiles,
  connectionHint,
  NIX,
  peer,
  type RunnerFiles,
  type Step,
} from "./steps.ts";

/** The machine that builds, over SSH; undefined: the runner does. */
export function builderOf(spec: DeploySpec, files: RunnerFiles): SshPeer | undefined {
  if (spec.build === undefined) return undefined;
  if (spec.build === "target") return actingPeer(spec, files);
  const { host, address, port } = spec.build;
  return { ...peer(spec, files, spec.user), host, address, port };
}

/** Every machine that Nix may talk to in this deploy: sections of its ssh configuration, see sshConfig. */
export function nixPeers(spec: DeploySpec, files: RunnerFiles): SshPeer[] {
  const target = actingPeer(spec, files);
  const builder = builderOf(spec, files);
  return builder === undefined || builder.host === target.host ? [target] : [target, builder];
}

/** Nix's ssh: the machines' sections. */
export function sshEnvironment({ sshConfig }: RunnerFiles): Record<string, string> {
  // Nix splits NIX_SSHOPTS at blanks, without quotes.
  if (/\s/.test(sshConfig)) throw new Error(`NIX_SSHOPTS cannot hold "${sshConfig}": it has a blank in it`);
  return { NIX_SSHOPTS: `-F ${sshConfig}` };
}

/** Without any settings of the runner's: those would be sent to the host's daemon, which may take them instead of its own, such as substituters. */
const unconfigured = ({ connections }: RunnerFiles): Record<string, string> => ({
  ...{ NIX_CONF_DIR: connections, NIX_USER_CONF_FILES: "", NIX_CONFIG: "" },
});

const garbage =
  "the derivation was garbage collected on the runner since the evaluation; run `pulumi up` again";

/**
 * With a builder, derivations are copied to its store and built there by its own daemon, for which the deploy user need not be
 * trusted: derivations are named by their content. Nothing comes back.
 */
export function buildStep(spec: DeploySpec, drvPath: string, files: RunnerFiles): Step {
  const builder = builderOf(spec, files);
  const where = builder === undefined ? [] : ["--store", storeUri(builder), "--eval-store", "auto"];
  const log = `see the whole log: nix log ${drvPath}${builder === undefined ? "" : ` on ${builder.host}`}`;
  return {
    name: "build",
    argv: [...NIX, "build", ...where, "--no-link", "--print-out-paths", `${drvPath}^out`],
    ...(builder === undefined ? {} : { env: sshEnvironment(files) }),
    timeoutSeconds: spec.seconds.build,
    hint: (ran) => {
      const lost = builder === undefined ? undefined : builderHint(builder, spec, ran);
      if (lost !== undefined) return lost;
      if (/required to build|platform mismatch/.test(ran.stderr)) {
        return "nothing here builds for that processor: set `build` of the host, or give Nix a remote builder";
      }
      return isMissing(ran) ? garbage : log;
    },
  };
}

/** Nix says that a path is not in its store. */
export const isMissing = (ran: CommandResult): boolean => /is not valid|does not exist/.test(ran.stderr);

/** A builder's trouble is not the host's. */
export function builderHint(builder: SshPeer, spec: DeploySpec, ran: CommandResult): string | undefined {
  const hint = connectionHint(ran);
  return hint === undefined || builder.host === spec.host
    ? hint
    : `${builder.host}, which builds for ${spec.host}: ${hint}`;
}

/**
 * Signs a closure: hosts take no unsigned one from the deploy user, and a copy adds no signature to what is there. On a builder too it
 * is the runner that signs, from what the store says of each path: the key leaves it for nowhere. So the key must be one that counts no
 * further than that store is trusted, see `signer` in spec.ts. Anybody may add a signature to a path; whether it counts is up to who
 * reads it.
 */
export const signArgv = (outPath: string, signingKey: string, where: readonly string[] = []): string[] => [
  // --offline: a path that is missing is to be built, which tells of it, and not downloaded by the way.
  ...[...NIX, "store", "sign", "--offline", ...where, "--recursive"],
  ...["--key-file", signingKey, outPath],
];

export const signHint = "check PANTHEROS_SIGNING_KEY: a file that `nix key generate-secret` made";

/** How a host comes to trust its own key: by a system that the fleet's key signs, which no builder has made. */
export const introduceHint = ({ host }: DeploySpec): string =>
  `deploy ${host} once with build = "local": that system brings the key; where the runner cannot build it, see docs/operations.md, "Who may build"`;

export function signStep(spec: DeploySpec, signingKey: string, files: RunnerFiles): Step {
  const builder = builderOf(spec, files);
  return {
    name: "sign",
    argv: signArgv(spec.outPath, signingKey, builder === undefined ? [] : ["--store", storeUri(builder)]),
    ...(builder === undefined ? { batchable: true } : { env: sshEnvironment(files) }),
    timeoutSeconds: spec.seconds.sign,
    hint: (ran) => (builder === undefined ? undefined : builderHint(builder, spec, ran)) ?? signHint,
  };
}

/** A cache that is away costs seconds, not Nix's own minutes: connecting is bounded, and tried twice. */
const impatient = (spec: DeploySpec): string[] => [
  ...["--option", "connect-timeout", String(spec.seconds.connect)],
  ...["--option", "download-attempts", "2"],
];

export function pushStep(spec: DeploySpec, cache: string, files: RunnerFiles): Step {
  const builder = builderOf(spec, files);
  const from = builder === undefined ? [] : ["--from", storeUri(builder)];
  return {
    name: "push",
    argv: [...NIX, "copy", ...impatient(spec), ...from, "--to", cache, spec.outPath],
    ...(builder === undefined ? {} : { env: sshEnvironment(files) }),
    timeoutSeconds: spec.seconds.push,
    hint: () => "check the cache's address and credentials; the deploy goes on without it",
  };
}

/** How a closure comes to its host. */
export interface CopyMode {
  /**
   * What the host can get from a substituter is not sent, and the time for it is bounded apart: Nix on the host gives up on a cache
   * that is away after minutes, and fails instead of taking the copy.
   */
  readonly substitute: boolean;
  /**
   * Straight to the host's Nix daemon, over the open connection; else Nix dials a connection of its own, with another process on the host
   * that passes on what it hears. A sshd may refuse it where the host has no `deployment` module.
   */
  readonly direct: boolean;
}

/** Undefined where the host has it: it built it itself, or the system is one that was put back on purpose. */
export function copyStep(
  spec: DeploySpec,
  files: RunnerFiles,
  { substitute, direct }: CopyMode,
): Step | undefined {
  if (spec.build === "target" || spec.drvPath === undefined) return undefined;
  const to = actingPeer(spec, files);
  const connection = direct ? connectionFiles(spec, files) : undefined;
  const builder = builderOf(spec, files);
  const from = builder === undefined ? [] : ["--from", storeUri(builder)];
  // Root is trusted by Nix, and a machine that was never managed does not know the fleet's signing key yet.
  const unchecked = spec.managed ? [] : ["--no-check-sigs"];
  return {
    name: "copy",
    argv: [
      ...[...NIX, "copy", ...(substitute ? ["--substitute-on-destination"] : []), ...unchecked],
      ...[...from, "--to", connection === undefined ? storeUri(to) : `unix://${connection.daemon}`],
      spec.outPath,
    ],
    env: { ...sshEnvironment(files), ...(connection === undefined ? {} : unconfigured(files)) },
    log: connection?.log,
    timeoutSeconds: substitute ? Math.min(spec.seconds.substitute, spec.seconds.copy) : spec.seconds.copy,
    hint: (ran) => {
      if (/lacks a (valid )?signature|not signed by/.test(ran.stderr)) {
        if (hostSigningKey(spec) !== undefined) return introduceHint(spec);
        return "the host trusts no key that signed this closure: sign with PANTHEROS_SIGNING_KEY, and have its public key in the hosts' `nix.settings.trusted-public-keys`";
      }
      if (/no space left|disk full/i.test(ran.stderr)) {
        return "the host's disk is full; the running system was not touched: `nix-collect-garbage` on the host, then `pulumi up`";
      }
      return builder !== undefined && blamesBuilder(spec, ran)
        ? builderHint(builder, spec, ran)
        : connectionHint(ran);
    },
  };
}

/** What Nix says of a substituter that is away. It speaks of connections, as ssh does of the host's. */
const ofSubstituter = /unable to download|^error \(ignored\)|binary cache .* (disabled|for \d+ seconds)/;

/** What a host said of substituters that it could not use: the first line, and the rest without those lines. */
export function substituterTrouble(ran: CommandResult): {
  readonly said: string | undefined;
  readonly rest: CommandResult;
} {
  const lines = ran.stderr.split("\n");
  const said = lines.find((line) => ofSubstituter.test(line));
  return { said, rest: { ...ran, stderr: lines.filter((line) => !ofSubstituter.test(line)).join("\n") } };
}

/** Of a copy between two machines: whether it was the one that built that could not be reached. */
export const blamesBuilder = (spec: DeploySpec, ran: CommandResult): boolean =>
  typeof spec.build === "object" &&
  [spec.build.address, ` ${spec.build.host}`, `'${spec.build.host}'`].some((name) =>
    ran.stderr.includes(name),
  );

/** Whether a step failed because the host itself did not answer. */
export function hostIsAway(spec: DeploySpec, step: Step, ran: CommandResult): boolean {
  if (!ran.timedOut && sshTrouble(ran.stderr) !== "transport") return false;
  if (step.name === "connect") return true;
  if (step.name === "copy") return !blamesBuilder(spec, ran);
  return spec.build === "target" && (step.name === "build" || step.name === "sign") && !ran.timedOut;
}
