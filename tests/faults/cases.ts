/** A case: one fault in an operation, then a plain second run; and what must be true at its end. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Fault, FaultRuleInput } from "../../sandbox/vendors/faults.ts";
import { differences, lostIdentities, type Observation, observe } from "./observe.ts";
import { DESTROY, type Operation } from "./operations.ts";
import { type Finished, type Interrupt, type Snapshot, World } from "./world.ts";

export interface Trouble {
  readonly name: string;
  /** The fault at the n-th changing request. */
  readonly fault: Fault;
  /** Only requests whose method and path contain this are counted. */
  readonly match?: string;
  readonly interrupt?: Interrupt;
}

export const TROUBLES: readonly Trouble[] = [
  { name: "refused", fault: "refuse" },
  { name: "5xx", fault: "unavailable" },
  { name: "dropped", fault: "drop" },
  { name: "done, answer dropped", fault: "drop-answer" },
  { name: "SIGINT before", fault: "hold", interrupt: { signal: "SIGINT" } },
  { name: "SIGINT after", fault: "hold-answer", interrupt: { signal: "SIGINT" } },
  { name: "SIGKILL before", fault: "hold", interrupt: { signal: "SIGKILL" } },
  { name: "SIGKILL after", fault: "hold-answer", interrupt: { signal: "SIGKILL" } },
];

/** Creations whose answer is lost: the vendor has the object and the state does not. Cases that failed once. */
export const LOST_CREATIONS: readonly Trouble[] = [
  "POST /v1/servers",
  "POST /api/v2/tailnet/example.test/keys",
].map((match) => ({ name: `${match}: done, answer dropped`, fault: "drop-answer", match }));

/** An operation, as an undisturbed run does it. */
export interface Rehearsed {
  readonly operation: Operation;
  readonly start: Snapshot;
  readonly before: Observation;
  readonly undisturbed: Observation;
  /** Number of changing requests of that run. */
  readonly requests: number;
  /** The inventory after the operation's edit. */
  readonly fleet: string;
}

export interface Case {
  readonly rehearsed: Rehearsed;
  readonly trouble: Trouble;
  readonly n: number;
}

export interface Verdict {
  readonly name: string;
  /** The request that was hit; undefined: the run made fewer requests. */
  readonly hit: string | undefined;
  /** The second run failed with a remedy, which was then applied. */
  readonly remedied: boolean;
  /** Exit code of the disturbed run. */
  readonly code: number;
  /** Empty: the case passed. */
  readonly problems: readonly string[];
  readonly seconds: number;
}

export const caseName = ({ rehearsed, trouble, n }: Case): string =>
  `${rehearsed.operation.name}, request ${n} of ${rehearsed.requests}: ${trouble.name}`;

const act = (world: World, fleet: string, interrupt?: Interrupt): Promise<Finished> =>
  fleet === DESTROY
    ? world.pulumi(["destroy", "--yes", "--skip-preview", "--suppress-outputs"], interrupt)
    : world.up(interrupt);

function well(what: string, { code, output }: Finished): void {
  if (code !== 0) throw new Error(`${what}: exit code ${code}\n${output}`);
}

/** Runs an operation without a fault, and records the states before and after it. */
export async function rehearse(operation: Operation): Promise<Rehearsed> {
  const world = await World.make(operation.environment);
  try {
    await world.startVendors();
    for (const fleet of operation.before) {
      await world.write(fleet);
      well(`${operation.name}: before it`, await world.up());
    }
    const { after } = operation;
    const fleet = typeof after === "string" ? after : after(world);
    if (fleet !== DESTROY) await world.write(fleet);
    const start = await world.snapshot(mkdtempSync(join(tmpdir(), "pantheros-start-")));
    await world.restore(start);
    const before = observe(world);
    world.switchOn();
    well(operation.name, await act(world, fleet));
    const requests = world.switchOff().filter((line) => "id" in line && line.changes).length;
    await world.stopVendors();
    return { operation, start, before, undisturbed: observe(world), requests, fleet };
  } finally {
    await world.remove();
  }
}

/** Matches the remedy in a failed run's output. */
const REMEDY = /tools\/pantheros recover --stack/;

/**
 * A run never fails when the vendor refuses a device's rename or removal
 * (deployer/tailnet-device/main.ts).
 */
const BY_HAND = /warning: tailnet device of \S+: .*(by hand|in the tailnet's admin console)/;
const OF_DEVICE = /^(tailnet\.devices: |device )/;

/**
 * This vendor accepts two objects of one name, so a later run does not notice the first. The remedy of the
 * failed run is applied before the next.
 */
const TAKES_TWO = /^onepassword op item create$/;

/**
 * A record that an interrupted change of its type has made is imported under a name of its own, because the engine
 * would delete the former record of that name again. The run after that gives it the record's name (reconcile.ts).
 */
const OF_RECORD_NAME =
  /^state\.resources: (missing|too much) "\S+\$(cloudflare:index\/dnsRecord:DnsRecord|pantheros:dns:FormerRecord)::/;

/** The end of a run's output, for the table. */
const lastWords = ({ output }: Finished): string => output.trimEnd().split("\n").slice(-40).join("\n");

/** Runs a case in a world, which is restored first. */
export async function attempt(world: World, tried: Case): Promise<Verdict> {
  const { rehearsed, trouble, n } = tried;
  const began = Date.now();
  await world.restore(rehearsed.start);
  if (rehearsed.fleet !== DESTROY) await world.write(rehearsed.fleet);
  const { fault, match } = trouble;
  const rule: FaultRuleInput = { fault, from: n, ...(match !== undefined && { match }) };
  world.switchOn(rule);
  const first = await act(world, rehearsed.fleet, trouble.interrupt);
  const hits = world.switchOff().flatMap((line) => ("hit" in line ? [line] : []));
  const hit = hits.map(({ vendor, method, path }) => `${vendor} ${method} ${path}`).join(", ");
  const problems: string[] = [];
  /** Applies the remedy that the output names. */
  const recover = async () => {
    const { code, output } = await world.recover();
    if (code !== 0)
      problems.push(`tools/pantheros recover: exit code ${code}\n${lastWords({ code, output })}`);
  };
  const lostHere = first.code !== 0 && TAKES_TWO.test(hit);
  if (world.isPending || lostHere) await recover();
  let second = await act(world, rehearsed.fleet);
  const remedied = second.code !== 0 && REMEDY.test(second.output);
  if (remedied) {
    await recover();
    second = await act(world, rehearsed.fleet);
  }
  if (second.code !== 0) problems.push(`the second run: exit code ${second.code}\n${lastWords(second)}`);
  const compare = () => {
    const found = observe(world);
    return [
      ...differences(rehearsed.undisturbed.same, found.same),
      ...lostIdentities(rehearsed.before, rehearsed.undisturbed, found),
    ];
  };
  let wrong = compare();
  if (second.code === 0 && wrong.length > 0 && wrong.every((line) => OF_RECORD_NAME.test(line))) {
    const third = await act(world, rehearsed.fleet);
    if (third.code !== 0) problems.push(`the third run: exit code ${third.code}\n${lastWords(third)}`);
    wrong = compare();
  }
  await world.stopVendors();
  // The warning names what has to be done by hand in the tailnet's console.
  const byHand = BY_HAND.test(first.output) && wrong.some((line) => OF_DEVICE.test(line));
  problems.push(...(byHand ? wrong.filter((line) => !OF_DEVICE.test(line)) : wrong));
  return {
    name: caseName(tried),
    hit: hit === "" ? undefined : hit,
    remedied: remedied || lostHere || byHand,
    code: first.code,
    problems,
    seconds: (Date.now() - began) / 1000,
  };
}
