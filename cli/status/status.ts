/**
 * `pantheros status`: combines the last run's outputs with the hosts' answers. Must not load
 * Pulumi's SDK, which takes long.
 */

import { type Probe, type ProbeArgs, probeHost } from "../../deployer/probe.ts";
import { selectHosts } from "../../inventory/selection.ts";
import { entryOf } from "../../lib/entry-of.ts";
import { firstNames } from "../../lib/names.ts";
import { Semaphore } from "../../lib/semaphore.ts";
import { hostStatus, needsAttention, worstFirst } from "../../status/classify.ts";
import { type FleetFacts, hostDetail } from "../../status/detail.ts";
import { EXIT_ATTENTION, EXIT_OK } from "../exit-codes.ts";
import type { StackOptions } from "../stack/name.ts";
import { type OpenStack, openStack } from "../stack/open.ts";
import { probeArgsOf } from "../stack/probe-args.ts";
import { terminalWidth } from "../terminal.ts";
import { statusText } from "./text.ts";

export interface StatusOptions extends StackOptions {
  /** A selection, as in inventory/selection.ts. */
  readonly on?: string | undefined;
  /** True: connects to the hosts. False: shows only the outputs. */
  readonly ask: boolean;
  readonly json?: boolean;
  /** Seconds in which a host has to answer. */
  readonly timeout: number;
  /** Hosts to connect to; by default all selected ones. The others are as of the last run. */
  readonly only?: readonly string[];
  /** Hosts asked at the same time. */
  readonly parallel?: number;
  /** Called with the hosts that have not answered yet; by default it is printed. */
  readonly report?: (line: string) => void;
}

/** Hosts asked at the same time, when the caller gives no number. Each needs an ssh process of about 8 MB. */
const MAX_PROBES = 64;

/** Seconds after which the hosts that have not answered yet are printed. */
const PROGRESS_AFTER_SECONDS = 2;

/**
 * Probes all hosts, at most `parallel` at the same time.
 * @param probe probes one host; tests replace it
 */
export async function probeHosts(
  hosts: ReadonlyMap<string, ProbeArgs | string>,
  probe: (args: ProbeArgs) => Promise<Probe> = probeHost,
  report: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
  parallel: number = MAX_PROBES,
): Promise<ReadonlyMap<string, Probe>> {
  const semaphore = new Semaphore(parallel);
  const waiting = new Set([...hosts].filter(([, args]) => typeof args !== "string").map(([name]) => name));
  const timer = setTimeout(
    () => report(`waiting for ${firstNames([...waiting])}`),
    PROGRESS_AFTER_SECONDS * 1000,
  );
  try {
    const answers = [...hosts].map(async ([name, args]): Promise<[string, Probe]> => {
      if (typeof args === "string") return [name, { reached: false, reason: args }];
      await semaphore.acquire();
      try {
        return [name, await probe(args)];
      } finally {
        semaphore.release();
        waiting.delete(name);
      }
    });
    return new Map(await Promise.all(answers));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Reads the status of a stack's hosts.
 * @param root the repository
 * @throws Error when the stack's configuration, inventory or outputs cannot be read, or the
 *   selection matches nothing.
 */
export const readFleet = async (options: StatusOptions, root: string): Promise<FleetFacts> =>
  fleetOf(await openStack(options, root), options);

/** The same of a stack that was read already. */
export async function fleetOf(
  { stack, settings, outputs, plan }: OpenStack,
  options: Omit<StatusOptions, "stack">,
): Promise<FleetFacts> {
  const selected =
    options.on === undefined ? plan.hosts.map(({ name }) => name) : selectHosts(options.on, plan.hosts);
  const hosts = plan.hosts.filter(({ name }) => selected.includes(name));
  const asked = options.ask && settings.probe !== "off";
  const probeArgs = new Map(
    hosts
      .filter(({ name }) => options.only?.includes(name) ?? true)
      .map(({ name }) => [name, probeArgsOf({ plan, settings, outputs }, name, options.timeout)]),
  );
  const at = new Date().toISOString();
  const answers = asked
    ? await probeHosts(probeArgs, probeHost, options.report, options.parallel)
    : new Map<string, Probe>();
  const details = hosts.map((host) => {
    const { name, wave, reachability } = host;
    const probe = answers.get(name);
    const found = hostStatus({
      name,
      wave,
      required: reachability === "always",
      published: entryOf(outputs?.hosts ?? {}, name),
      pin: entryOf(settings.pins, name),
      probe,
    });
    return hostDetail(host, found, outputs, probe);
  });
  const sorted = worstFirst(details.map((detail) => detail.status));
  const status = {
    schemaVersion: 1,
    stack: stack.full,
    environment: settings.environment,
    at,
    asked,
    hosts: sorted,
  } as const;
  return {
    status,
    details: sorted.flatMap((host) => details.filter((detail) => detail.status === host)),
    ...(plan.inventory.budgets !== undefined && { budgets: plan.inventory.budgets }),
    ...(outputs?.revision !== undefined && { revision: outputs.revision }),
  };
}

/** Prints the status and returns the exit code. */
export async function status(options: StatusOptions, root: string): Promise<number> {
  const { status: found } = await readFleet(options, root);
  process.stdout.write(
    options.json
      ? `${JSON.stringify(found, undefined, 2)}\n`
      : statusText(found, { width: terminalWidth(), stream: process.stdout }),
  );
  return found.hosts.some(needsAttention) ? EXIT_ATTENTION : EXIT_OK;
}
