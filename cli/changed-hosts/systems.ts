/** The systems of all hosts of an inventory, evaluated from a flake. */
import { resultsDirectory } from "../../deployer/evaluation/cache.ts";
import { evaluate } from "../../deployer/evaluation/evaluate.ts";
import { flakeArguments, quotedName } from "../../deployer/evaluation/flake.ts";
import { NIX } from "../../deployer/nix.ts";
import { runQuery } from "../../deployer/process/child.ts";
import { DEFAULT_SECONDS } from "../../inventory/seconds.ts";
import { encodeReference } from "../../lib/flake-reference.ts";
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

/** Undefined when it cannot be evaluated. */
async function imageSystem(
  { flake, settings }: SystemsArgs,
  { name }: FleetHost,
): Promise<string | undefined> {
  const flakeArgs = flakeArguments({ flake, overrides: settings.flakeOverrides });
  const attribute = `nixosConfigurations.${quotedName(name)}.config.system.build.toplevel.outPath`;
  const done = await runQuery({
    argv: [...NIX, "eval", "--raw", ...flakeArgs, `${encodeReference(flake)}#${attribute}`],
    timeoutSeconds: DEFAULT_SECONDS.evaluate,
    maxOutputBytes: MAX_PATH_BYTES,
  });
  return done.exitCode === 0 ? done.stdout.trim() : undefined;
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
    const result = await pending;
    return [name, "target" in result ? result.target.outPath : undefined] as const;
  });
}

/** Never throws: a host or flake that cannot be evaluated has no system. */
export async function systemsOf(args: SystemsArgs): Promise<Systems> {
  const begin = Date.now();
  let done = 0;
  const timer = setInterval(() => {
    const seconds = Math.round((Date.now() - begin) / 1000);
    process.stderr.write(`${args.title}: evaluated ${done} of ${args.hosts.length} hosts, ${seconds} s\n`);
  }, PROGRESS_MS);
  const found = new Map<string, string>();
  const keep = (name: string, path: string | undefined) => {
    done += 1;
    if (path !== undefined) found.set(name, path);
  };
  const deployable = args.hosts.filter(({ isImage }) => !isImage);
  await Promise.allSettled(
    startHosts({ ...args, hosts: deployable }).map(async (pending) => keep(...(await pending))),
  );
  // One after the other: each process holds the whole system in memory.
  for (const host of args.hosts.filter(({ isImage }) => isImage)) {
    keep(host.name, await imageSystem(args, host));
  }
  clearInterval(timer);
  return found;
}
