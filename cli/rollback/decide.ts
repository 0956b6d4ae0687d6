/** Which hosts go back, and to which system: pure functions of the inventory, the stack's pins and the hosts' statuses. */

import type { Probe } from "../../deployer/probe.ts";
import type { Plan } from "../../inventory/plan.ts";
import { entryOf } from "../../lib/entry-of.ts";
import { firstNames, listNames, unknownName } from "../../lib/names.ts";

export type Pins = Readonly<Record<string, string>>;

/** Hosts on the command line: by name, or all hosts of a wave. */
export interface Requested {
  readonly hosts: readonly string[];
  readonly wave: number | undefined;
}

/** The request cannot be carried out; each line names a host. Nothing was changed. */
export class Refusal extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/**
 * The hosts that the command line selects.
 * @throws Refusal with the existing hosts or waves
 */
export function selectedHosts(plan: Plan, { hosts, wave }: Requested): string[] {
  const known = plan.hosts.map(({ name }) => name);
  if (wave === undefined) {
    const unknown = hosts.filter((host) => !known.includes(host));
    if (unknown.length > 0) {
      throw new Refusal(unknown.map((host) => `${unknownName("host", host, known)} (of this stack)`));
    }
    return [...hosts];
  }
  const found = plan.hosts.filter((host) => host.wave === wave).map(({ name }) => name);
  if (found.length > 0) return found;
  const waves = [...new Set(plan.hosts.map((host) => host.wave))].sort((a, b) => a - b);
  throw new Refusal([
    `wave ${wave} has no host in this stack; its waves are ${firstNames(waves.map(String))}`,
  ]);
}

/**
 * The pinned hosts that the command line selects; of a wave, only the pinned ones.
 * @throws Refusal when a named host is not pinned
 */
export function selectedPinnedHosts(plan: Plan, args: Requested, pins: Pins): string[] {
  // The pin of a host that left the inventory can be removed too.
  const hosts = args.wave === undefined ? args.hosts : selectedHosts(plan, args);
  const pinned = hosts.filter((host) => Object.hasOwn(pins, host));
  if (pinned.length === hosts.length || (args.wave !== undefined && pinned.length > 0)) return pinned;
  const others = `pinned hosts: ${listNames(Object.keys(pins))}`;
  if (args.wave !== undefined)
    throw new Refusal([`wave ${args.wave}: none of its hosts is pinned; ${others}`]);
  throw new Refusal(
    hosts.filter((host) => !Object.hasOwn(pins, host)).map((host) => `${host}: is not pinned; ${others}`),
  );
}

export interface Decision {
  /** Host -> the system to pin it to. */
  readonly pins: Pins;
  /** A line for each host. */
  readonly notes: readonly string[];
}

/** The system that a host goes back to, or why it cannot. */
function previousOf(host: string, answer: Probe): { problem: string } | { previous: string } {
  if (!answer.reached) {
    const hint = answer.hint === undefined ? "" : `\n  hint: ${answer.hint}`;
    return { problem: `${host}: does not answer: ${answer.reason}${hint}` };
  }
  const { status } = answer;
  if (status.phase !== "idle") {
    return {
      problem: `${host}: an activation is running (${status.phase}); try again when it has ended`,
    };
  }
  if (status.previous == null) {
    return {
      problem: `${host}: no previous generation: it has had only one confirmed system since its first deploy`,
    };
  }
  return { previous: status.previous };
}

/**
 * @param skippable best-effort hosts, which may be offline if the command line selects a wave
 * @throws Refusal with every host that cannot go back
 */
export function decide(
  answers: ReadonlyMap<string, Probe>,
  pins: Pins,
  skippable: readonly string[] = [],
): Decision {
  const wanted: Record<string, string> = {};
  const notes: string[] = [];
  const problems: string[] = [];
  for (const [host, answer] of answers) {
    const pin = entryOf(pins, host);
    if (pin !== undefined) {
      notes.push(`${host}: already pinned to ${pin}`);
      continue;
    }
    if (!answer.reached && skippable.includes(host)) {
      notes.push(`${host}: skipped: a best-effort host that does not answer`);
      continue;
    }
    const found = previousOf(host, answer);
    if ("problem" in found) problems.push(found.problem);
    else {
      wanted[host] = found.previous;
      notes.push(`${host}: back to ${found.previous}`);
    }
  }
  if (problems.length > 0) throw new Refusal(problems);
  return { pins: wanted, notes };
}
