/** Who goes back to what: pure, from what the inventory, the stack and the hosts say. */

import type { SupervisorStatus } from "../../deployer/protocol/supervisor.ts";
import type { Plan } from "../../inventory/plan.ts";
import type { Arguments } from "./arguments.ts";

export type Pins = Readonly<Record<string, string>>;

/** What a host answered when it was asked for its status. */
export type Answer =
  | { readonly reached: true; readonly status: SupervisorStatus }
  | { readonly reached: false; readonly reason: string; readonly hint?: string | undefined };

/** Something that cannot be done; each line names its host. Nothing was changed. */
export class Refusal extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

const listed = (names: readonly string[]) => names.join(", ") || "none";

/**
 * The hosts that the command line means.
 * @throws Refusal with the hosts and waves there are
 */
export function chosenHosts(plan: Plan, { hosts, wave }: Pick<Arguments, "hosts" | "wave">): string[] {
  const known = plan.hosts.map(({ name }) => name);
  if (wave === undefined) {
    const strangers = hosts.filter((host) => !known.includes(host));
    if (strangers.length > 0) {
      throw new Refusal(
        strangers.map((host) => `${host}: no such host in this stack; its hosts are ${listed(known)}`),
      );
    }
    return [...hosts];
  }
  const found = plan.hosts.filter((host) => host.wave === wave).map(({ name }) => name);
  if (found.length > 0) return found;
  const waves = [...new Set(plan.hosts.map((host) => host.wave))].sort((a, b) => a - b);
  throw new Refusal([`wave ${wave} has no host in this stack; its waves are ${listed(waves.map(String))}`]);
}

/**
 * The pinned hosts that the command line means to release; of a wave those that are pinned.
 * @throws Refusal when a named host is not pinned
 */
export function releasedHosts(plan: Plan, args: Pick<Arguments, "hosts" | "wave">, pins: Pins): string[] {
  // A pin of a host that is gone from the inventory can be taken away too.
  const hosts = args.wave === undefined ? args.hosts : chosenHosts(plan, args);
  const pinned = hosts.filter((host) => pins[host] !== undefined);
  if (pinned.length === hosts.length || (args.wave !== undefined && pinned.length > 0)) return pinned;
  const others = `pinned are: ${listed(Object.keys(pins))}`;
  if (args.wave !== undefined)
    throw new Refusal([`wave ${args.wave}: none of its hosts is pinned; ${others}`]);
  throw new Refusal(
    hosts.filter((host) => pins[host] === undefined).map((host) => `${host}: is not pinned; ${others}`),
  );
}

export interface Decision {
  /** Host -> system to pin it to. */
  readonly pins: Pins;
  /** A line for each host. */
  readonly notes: readonly string[];
}

/** Why a host cannot go back, or the system that it goes back to. */
function previousOf(host: string, answer: Answer): { problem: string } | { previous: string } {
  if (!answer.reached) {
    const hint = answer.hint === undefined ? "" : `\n  hint: ${answer.hint}`;
    return { problem: `${host}: does not answer: ${answer.reason}${hint}` };
  }
  const { status } = answer;
  if (status.phase !== "idle") {
    return {
      problem: `${host}: an activation is under way there (${status.phase}); try again when it has ended`,
    };
  }
  if (status.previous == null) {
    return {
      problem: `${host}: no previous generation to go back to: it has had one confirmed system only since its first deploy`,
    };
  }
  return { previous: status.previous };
}

/**
 * @param skippable best-effort hosts, which may be away when a whole wave is meant
 * @throws Refusal with every host that cannot go back
 */
export function decide(
  answers: ReadonlyMap<string, Answer>,
  pins: Pins,
  skippable: readonly string[] = [],
): Decision {
  const wanted: Record<string, string> = {};
  const notes: string[] = [];
  const problems: string[] = [];
  for (const [host, answer] of answers) {
    const pin = pins[host];
    if (pin !== undefined) {
      notes.push(`${host}: is pinned already, to ${pin}`);
      continue;
    }
    if (!answer.reached && skippable.includes(host)) {
      notes.push(`${host}: left out: a best-effort host that does not answer`);
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
