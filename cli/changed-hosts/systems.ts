/** The systems of all hosts of an inventory, evaluated from a flake. */
import { resultsDirectory } from "../../deployer/evaluation/cache.ts";
import { evaluate } from "../../deployer/evaluation/evaluate.ts";
import { flakeArguments, quotedName } from "../../deployer/evaluation/flake.ts";
import { NIX } from "../../deployer/nix.ts";
import { runQuery } from "../../deployer/process/child.ts";
import { DEFAULT_SECONDS } from "../../inventory/seconds.ts";
import { encodeReference } from "../../lib/flake-reference.ts";
import { messageOf } from "../../lib/message-of.ts";
import { firstNames } from "../../lib/names.ts";
import { oneLine } from "../../lib/sanitize.ts";
import type { Settings } from "../../settings/settings.ts";
import type { Systems } from "./compare.ts";

export interface FleetHost {
  readonly name: string;
  /** Nix's name of its platform. */
  readonly system: string;
  readonly formerly?: string | undefined;
  /** An image, which the flake's deployTargets do not have. */
  readonly isImage: boolean;
}

export interface SystemsArgs {
  readonly flake: string;
  readonly hosts: readonly FleetHost[];
  readonly settings: Pick<Settings, "flakeOverrides" | "evaluation">;
  /** Path of the checkout that runs. */
  readonly checkout: string;
  /** For messages on the progress. */
  readonly title: string;
}

const PROGRESS_MS = 2000;
const MAX_PATH_BYTES = 2 ** 16;
/** Characters of an error in a message. */
const MAX_REASON = 300;

/** The store path of a host's system, or why it has none. */
type SystemResult = { readonly path: string } | { readonly reason: string };

async function imageSystem({ flake, settings }: SystemsArgs, { name }: FleetHost): Promise<SystemResult> {
  const flakeArgs = flakeArguments({ flake, overrides: settings.flakeOverrides });
  const attribute = `nixosConfigurations.${quotedName(name)}.config.system.build.toplevel.outPath`;
  const done = await runQuery({
    argv: [...NIX, "eval", "--raw", ...flakeArgs, `${encodeReference(flake)}#${attribute}`],
    timeoutSeconds: DEFAULT_SECONDS.evaluate,
    maxOutputBytes: MAX_PATH_BYTES,
  });
  return done.exitCode === 0 ? { path: done.stdout.trim() } : { reason: done.stderr };
}

/** Host -> its system, as it becomes known; kept results are used, as in a preview. */
function startHosts({ flake, hosts, settings, checkout }: SystemsArgs) {
  const { workers, memoryMb, cache } = settings.evaluation;
  const evaluation = evaluate({
    flake,
    hosts: hosts.map(({ name }) => name),
    formerNames: Object.fromEntries(
      hosts.flatMap(({ name, formerly }) => (formerly === undefined ? [] : [[name, formerly]])),
    ),
    overrides: settings.flakeOverrides,
    cache: resultsDirectory(cache, checkout),
    // Nothing is built here.
    withoutDerivations: true,
    limits: { ...(workers !== undefined && { workers }), ...(memoryMb !== undefined && { memoryMb }) },
  });
  return [...evaluation].map(async ([name, pending]) => {
    const result = await pending.catch((error: unknown) => ({ failure: { reason: messageOf(error) } }));
    return [
      name,
      "target" in result ? { path: result.target.outPath } : { reason: result.failure.reason },
    ] as const;
  });
}

/** Prints each reason once, with all hosts that have it. */
function reportFailures(title: string, failures: ReadonlyMap<string, readonly string[]>): void {
  for (const [reason, names] of failures) {
    process.stderr.write(`${title}: ${firstNames(names)} cannot be evaluated: ${reason}\n`);
  }
}

/** Nix prints the error itself last. An error of the whole flake quotes it behind a prefix. */
function errorLine(reason: string): string {
  const line = reason.split("\n").findLast((each) => /^[\s|]*error:/.test(each));
  return oneLine((line ?? reason).replace(/^[\s|]+/, ""), MAX_REASON);
}

/** Never throws: a host or flake that cannot be evaluated has no system, and standard error says why. */
export async function systemsOf(args: SystemsArgs): Promise<Systems> {
  const begin = Date.now();
  let done = 0;
  const timer = setInterval(() => {
    const seconds = Math.round((Date.now() - begin) / 1000);
    process.stderr.write(`${args.title}: evaluated ${done} of ${args.hosts.length} hosts, ${seconds} s\n`);
  }, PROGRESS_MS);
  const found = new Map<string, string>();
  const failures = new Map<string, string[]>();
  const keep = (name: string, result: SystemResult) => {
    done += 1;
    if ("path" in result) return found.set(name, result.path);
    const reason = errorLine(result.reason);
    return failures.set(reason, [...(failures.get(reason) ?? []), name]);
  };
  const deployable = args.hosts.filter(({ isImage }) => !isImage);
  await Promise.all(
    startHosts({ ...args, hosts: deployable }).map(async (pending) => keep(...(await pending))),
  );
  // One after the other: each process holds the whole system in memory.
  for (const host of args.hosts.filter(({ isImage }) => isImage)) {
    keep(host.name, await imageSystem(args, host));
  }
  clearInterval(timer);
  reportFailures(args.title, failures);
  return found;
}
