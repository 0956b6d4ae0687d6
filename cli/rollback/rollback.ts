/** `pantheros rollback`: pins hosts to their previous systems. */

import { type Probe, probe } from "../../deployer/probe.ts";
import { loadInventory } from "../../inventory/load.ts";
import { planFor } from "../../inventory/plan.ts";
import { selectHosts } from "../../inventory/selection.ts";
import { firstNames } from "../../lib/names.ts";
import { oneLine } from "../../lib/sanitize.ts";
import { EXIT_FAILED, UsageError } from "../exit-codes.ts";
import { readStackSettings } from "../stack/config.ts";
import { type StackName, type StackOptions, stackName } from "../stack/name.ts";
import type { OpenStack } from "../stack/open.ts";
import { readOutputs } from "../stack/outputs.ts";
import { probeArgsOf } from "../stack/probe-args.ts";
import { decide, type Pins, Refusal, type Requested, selectedHosts, selectedPinnedHosts } from "./decide.ts";
import { removePins, runUp, setPins } from "./pins.ts";

export interface RollbackOptions extends StackOptions {
  readonly hosts: readonly string[];
  readonly wave?: number | undefined;
  /** A selection, as in inventory/selection.ts. */
  readonly on?: string | undefined;
  readonly release?: boolean;
  /** Runs `pulumi up` afterwards. */
  readonly up: boolean;
}

const print = (line: string) => process.stderr.write(`pantheros rollback: ${oneLine(line, 2000)}\n`);

/** @throws UsageError unless the hosts are given in exactly one way. */
export function checkRollback({ hosts, wave, on }: RollbackOptions): void {
  const ways = [hosts.length > 0, wave !== undefined, on !== undefined].filter(Boolean).length;
  if (ways === 0) throw new UsageError("name the hosts, or give --on SELECTION or --wave N");
  if (ways > 1) throw new UsageError("give hosts, --on or --wave, only one of them");
}

/**
 * Pins hosts or removes their pins, runs `pulumi up`, and returns the exit code.
 * @param root the repository
 */
export async function rollback(options: RollbackOptions, root: string): Promise<number> {
  checkRollback(options);
  try {
    const stack = stackName(options, { env: process.env, root, cwd: process.cwd() });
    // Paths in the settings are relative to the project, as in the Pulumi program.
    process.chdir(root);
    const settings = await readStackSettings(stack, root);
    const plan = planFor(loadInventory(settings.fleetFile), settings.environment);
    const requested: Requested = {
      hosts: options.on === undefined ? [...new Set(options.hosts)] : selectHosts(options.on, plan.hosts),
      wave: options.wave,
    };
    const known = { stack, settings, plan };
    const hosts = options.release
      ? await release(requested, known, print)
      : (await pin(requested, { ...known, outputs: await readOutputs(stack, root) }, print)).hosts;
    if (!options.up) print(`the next \`tools/pulumi up --stack ${stack.full}\` applies this`);
    const verb = options.release ? "release" : "rollback";
    const code = options.up
      ? runUp(stack, `${verb} ${hosts.join(" ")}`, options.on === undefined ? undefined : hosts)
      : 0;
    print(summary(options, stack, hosts, code));
    return code;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    for (const line of error.message.split("\n")) print(line);
    print("nothing was changed");
    return EXIT_FAILED;
  }
}

/**
 * Removes pins, and returns their hosts.
 * @throws Refusal when a named host is not pinned
 */
export async function release(
  requested: Requested,
  { stack, plan, settings }: Omit<OpenStack, "outputs">,
  report: (line: string) => void,
): Promise<string[]> {
  const hosts = selectedPinnedHosts(plan, requested, settings.pins);
  await removePins(stack, hosts);
  for (const host of hosts) report(`${host}: released from ${settings.pins[host]}`);
  return hosts;
}

export interface Pinned {
  /** The requested hosts. */
  readonly hosts: readonly string[];
  /** Those that were not pinned before, with their systems. */
  readonly pins: Pins;
}

/**
 * Pins hosts to the system that each ran before.
 * @throws Refusal when one of them cannot go back; then no pin is written
 */
export async function pin(
  requested: Requested,
  { stack, plan, settings, outputs }: OpenStack,
  report: (line: string) => void,
): Promise<Pinned> {
  const hosts = selectedHosts(plan, requested);
  const { probe: seconds } = plan.inventory.deploy.seconds;
  report(`asking ${firstNames(hosts)} for the previous system (at most ${seconds} s)`);
  const answers = await Promise.all(
    hosts.map(async (host): Promise<[string, Probe]> => {
      const args = probeArgsOf({ plan, settings, outputs }, host, seconds);
      return [host, typeof args === "string" ? { reached: false, reason: args } : await probe(args)];
    }),
  );
  const bestEffort = plan.hosts.filter(({ reachability }) => reachability === "best-effort");
  const skippable = requested.wave === undefined ? [] : bestEffort.map(({ name }) => name);
  const { pins, notes } = decide(new Map(answers), settings.pins, skippable);
  if (Object.keys(pins).length > 0) await setPins(stack, pins);
  for (const note of notes) report(note);
  return { hosts, pins };
}

function summary(
  { release }: RollbackOptions,
  { short, isOwnFile }: StackName,
  hosts: readonly string[],
  code: number,
): string {
  const names = hosts.join(" ");
  if (code !== 0) {
    const back = release
      ? "`tools/pulumi up` tries again"
      : `\`tools/pantheros rollback --release ${names}\` removes the pins`;
    return `pulumi up ended with ${code}: read its verdict above; ${back}`;
  }
  // With --config-file, the caller decides whether to commit the file.
  const commit = isOwnFile ? "" : `; commit Pulumi.${short}.yaml, or a run from another checkout undoes this`;
  return release
    ? `${names}: follows the flake again${commit}`
    : `${names}: pinned until \`tools/pantheros rollback --release ${names}\`${commit}`;
}
