/** `pantheros why`: why a host does not run what is wanted. Must not load Pulumi's SDK, which takes long. */
import { type Checkout, readCheckout } from "../../deployer/checkout.ts";
import { stateDirectory } from "../../lib/state-directory.ts";
import { runsDirectory } from "../../runs/files.ts";
import { readRuns } from "../../runs/read.ts";
import type { Run } from "../../runs/run.ts";
import { type Deployable, isBlocked, type WhyContext, whyOf } from "../../status/why.ts";
import { EXIT_ATTENTION, EXIT_OK } from "../exit-codes.ts";
import type { StackOptions } from "../stack/name.ts";
import { hostOf, openStack } from "../stack/open.ts";
import { fleetOf } from "../status/status.ts";
import { whyText } from "./text.ts";

/** Runs that are searched for the last `up`, and for when a host was last there. */
const RUNS_TO_SEARCH = 20;

export interface WhyOptions extends StackOptions {
  readonly host: string;
  /** True: connects to the host. False: shows only the outputs. */
  readonly ask: boolean;
  readonly json?: boolean;
  /** Seconds in which the host has to answer. */
  readonly timeout: number;
}

/** What the recorded runs say of a host: whether the last `up` was for it, and since when it is offline. */
export function recordedFacts(
  runs: readonly Run[],
  host: string,
): Pick<WhyContext, "lastUp" | "offlineSince"> {
  const ups = runs.filter(
    ({ command, state }) => command === "up" && state !== "running" && state !== "declined",
  );
  const [last] = ups;
  if (last === undefined) return {};
  const unselected = last.hosts.filter(({ selected }) => selected === false).map(({ name }) => name);
  let offlineSince: string | undefined;
  for (const { hosts, startedAt } of ups) {
    const found = hosts.find(({ name, selected }) => name === host && selected !== false);
    if (found?.outcome === "offline") offlineSince = startedAt;
    else if (found?.outcome !== undefined) break;
  }
  return {
    lastUp: { id: last.id, ...(last.on !== undefined && { on: last.on }), unselected },
    offlineSince,
  };
}

/** Undefined where Git has no answer; the other causes are shown all the same. */
async function checkoutOf(flake: string, root: string): Promise<Deployable | undefined> {
  const found: Checkout = await readCheckout(flake, { trusted: root });
  return found.commit === null ? undefined : found;
}

/** Prints the causes and returns the exit code. */
export async function why({ host, ...options }: WhyOptions, root: string): Promise<number> {
  const opened = await openStack(options, root);
  hostOf(opened, host);
  const [fleet, checkout] = await Promise.all([
    fleetOf(opened, { ...options, only: [host] }),
    checkoutOf(opened.settings.flake, root),
  ]);
  const recorded = readRuns(runsDirectory(stateDirectory(), opened.stack.short), RUNS_TO_SEARCH);
  const found = whyOf(fleet, host, { checkout, ...recordedFacts(recorded, host) });
  if (found === undefined) throw new Error(`${host}: its facts are missing`);
  process.stdout.write(options.json ? `${JSON.stringify(found, undefined, 2)}\n` : whyText(found));
  return isBlocked(found) ? EXIT_ATTENTION : EXIT_OK;
}
