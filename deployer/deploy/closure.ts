/** The steps that build, sign, push and copy a closure. Pure functions: nothing runs here. */
import { NIX } from "../nix.ts";
import type { CommandResult } from "../process/runner.ts";
import { type SshPeer, sshTrouble, storeUri } from "../ssh.ts";
import { type DeploySpec, hostSigningKey } from "./spec.ts";
import { actingPeer, connectionFiles, connectionHint, peer, type RunnerFiles, type Step } from "./steps.ts";

/** The machine that builds over SSH; undefined when the runner builds. */
export function builderOf(spec: DeploySpec, files: RunnerFiles): SshPeer | undefined {
  if (spec.build === undefined) return undefined;
  if (spec.build === "target") return actingPeer(spec, files);
  const { host, address, port, jumps } = spec.build;
  return { ...peer(spec, files, spec.user), host, address, port, jumps };
}

/** The machines that Nix may connect to in this deploy, for its ssh configuration (sshConfig). */
export function nixPeers(spec: DeploySpec, files: RunnerFiles): SshPeer[] {
  const target = actingPeer(spec, files);
  const builder = builderOf(spec, files);
  return builder === undefined || builder.host === target.host ? [target] : [target, builder];
}

/** Makes Nix use the ssh configuration of this deploy. */
export function sshEnvironment({ sshConfig }: RunnerFiles): Record<string, string> {
  // Nix splits NIX_SSHOPTS at blanks, without quotes.
  if (/\s/.test(sshConfig)) throw new Error(`NIX_SSHOPTS cannot hold "${sshConfig}": it has a blank in it`);
  return { NIX_SSHOPTS: `-F ${sshConfig}` };
}

/** Hides the runner's Nix settings: a client sends them to the daemon, and the host's could use them instead of its own. */
const withoutSettings = ({ connections }: RunnerFiles): Record<string, string> => ({
  NIX_CONF_DIR: connections,
  NIX_USER_CONF_FILES: "",
  NIX_CONFIG: "",
});

const GARBAGE_HINT =
  "the derivation was garbage collected on the runner since the evaluation; run `pulumi up` again";

/**
 * On a builder the derivations are copied to its store and built by its daemon. The deploy user need not be a trusted user for
 * that, since derivations are addressed by their content. The result stays there.
 */
export function buildStep(spec: DeploySpec, drvPath: string, files: RunnerFiles): Step {
  const builder = builderOf(spec, files);
  const where = builder === undefined ? [] : ["--store", storeUri(builder), "--eval-store", "auto"];
  const log = `read the whole log: nix log ${drvPath}${builder === undefined ? "" : ` on ${builder.host}`}`;
  return {
    name: "build",
    argv: [...NIX, "build", ...where, "--no-link", "--print-out-paths", `${drvPath}^out`],
    ...(builder !== undefined && { env: sshEnvironment(files) }),
    timeoutSeconds: spec.seconds.build,
    hint: (ran) => {
      const lost = builder === undefined ? undefined : builderHint(builder, spec, ran);
      if (lost !== undefined) return lost;
      if (/required to build|platform mismatch/.test(ran.stderr)) {
        return "the runner cannot build for this architecture: set `build` of the host, or configure a remote builder for Nix";
      }
      return isMissing(ran) ? GARBAGE_HINT : log;
    },
  };
}

/** Whether Nix failed because a path is not in its store. */
export const isMissing = (ran: CommandResult): boolean => /is not valid|does not exist/.test(ran.stderr);

/** Names the builder when the failure is its own and not the host's. */
export function builderHint(builder: SshPeer, spec: DeploySpec, ran: CommandResult): string | undefined {
  const hint = connectionHint(ran);
  return hint === undefined || builder.host === spec.host
    ? hint
    : `${builder.host}, which builds for ${spec.host}: ${hint}`;
}

/**
 * Signs a closure before the copy: hosts accept only signed paths from the deploy user, and a copy adds no signature to paths that
 * the host has. The key stays on the runner, which also signs paths in a builder's store, from what that store reports of them. So
 * the key must not be trusted further than that store is (`signer` in spec.ts).
 */
export const signArgv = (outPath: string, signingKey: string, where: readonly string[] = []): string[] => [
  // --offline: a missing path must fail, so that the build step runs, and not be downloaded silently.
  ...NIX,
  "store",
  "sign",
  "--offline",
  ...where,
  "--recursive",
  "--key-file",
  signingKey,
  outPath,
];

export const SIGN_HINT = "check PANTHEROS_SIGNING_KEY: it must be a file made by `nix key generate-secret`";

/** A host trusts its own key after it runs a system with that key which the runner built and the fleet's key signed. */
export const introduceHint = ({ host }: DeploySpec): string =>
  `deploy ${host} once with build = "local", which installs the key; if the runner cannot build it, see docs/operations.md, "Who may build"`;

export function signStep(spec: DeploySpec, signingKey: string, files: RunnerFiles): Step {
  const builder = builderOf(spec, files);
  return {
    name: "sign",
    argv: signArgv(spec.outPath, signingKey, builder === undefined ? [] : ["--store", storeUri(builder)]),
    ...(builder === undefined ? { batchable: true } : { env: sshEnvironment(files) }),
    timeoutSeconds: spec.seconds.sign,
    hint: (ran) => (builder === undefined ? undefined : builderHint(builder, spec, ran)) ?? SIGN_HINT,
  };
}

/** Bounds the time for a cache that is down to seconds; Nix's own defaults take minutes. */
const cacheLimits = (spec: DeploySpec): string[] => [
  "--option",
  "connect-timeout",
  String(spec.seconds.connect),
  "--option",
  "download-attempts",
  "2",
];

export function pushStep(spec: DeploySpec, cache: string, files: RunnerFiles): Step {
  const builder = builderOf(spec, files);
  const from = builder === undefined ? [] : ["--from", storeUri(builder)];
  return {
    name: "push",
    argv: [...NIX, "copy", ...cacheLimits(spec), ...from, "--to", cache, spec.outPath],
    ...(builder !== undefined && { env: sshEnvironment(files) }),
    timeoutSeconds: spec.seconds.push,
    hint: () => "check the cache's address and credentials; the deploy continues without the cache",
  };
}

/** How a closure is copied. */
export interface CopyMode {
  /**
   * The host gets paths from its substituters where it can. The time for it has a bound of its own, because Nix on the host gives up
   * on a substituter that is down only after minutes, and then fails instead of taking the copy.
   */
  readonly substitute: boolean;
  /**
   * Through the forwarded socket of the host's Nix daemon, over the shared connection. Otherwise Nix makes its own connection, with a
   * `nix-daemon --stdio` on the host in between. A sshd without the `deployment` module may refuse to forward.
   */
  readonly direct: boolean;
}

/** Undefined when the host has the closure: it built it, or the system was pinned. */
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
  // An unmanaged machine does not have the fleet's signing key yet; root may skip the check.
  const unchecked = spec.managed ? [] : ["--no-check-sigs"];
  return {
    name: "copy",
    argv: [
      ...NIX,
      "copy",
      ...(substitute ? ["--substitute-on-destination"] : []),
      ...unchecked,
      ...from,
      "--to",
      connection === undefined ? storeUri(to) : `unix://${connection.daemon}`,
      spec.outPath,
    ],
    env: { ...sshEnvironment(files), ...(connection !== undefined && withoutSettings(files)) },
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

/** Nix's messages about a substituter that is down; without this they could be taken for ssh's. */
const SUBSTITUTER_TROUBLE =
  /unable to download|^error \(ignored\)|binary cache .* (disabled|for \d+ seconds)/;

/** Separates the host's messages about its substituters (`trouble`: the first one) from the rest of the output. */
export function substituterTrouble(ran: CommandResult): {
  readonly trouble: string | undefined;
  readonly rest: CommandResult;
} {
  const lines = ran.stderr.split("\n");
  const trouble = lines.find((line) => SUBSTITUTER_TROUBLE.test(line));
  return {
    trouble,
    rest: { ...ran, stderr: lines.filter((line) => !SUBSTITUTER_TROUBLE.test(line)).join("\n") },
  };
}

/** Whether a copy failed because the builder could not be reached. */
const blamesBuilder = (spec: DeploySpec, ran: CommandResult): boolean =>
  typeof spec.build === "object" &&
  [spec.build.address, ` ${spec.build.host}`, `'${spec.build.host}'`].some((name) =>
    ran.stderr.includes(name),
  );

/** Whether a step failed because the host did not answer. */
export function hostIsAway(spec: DeploySpec, step: Step, ran: CommandResult): boolean {
  if (!ran.timedOut && sshTrouble(ran.stderr) !== "transport") return false;
  if (step.name === "connect") return true;
  if (step.name === "copy") return !blamesBuilder(spec, ran);
  return spec.build === "target" && (step.name === "build" || step.name === "sign") && !ran.timedOut;
}
