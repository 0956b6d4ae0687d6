/** `pantheros why`: why a host does not run what is wanted. Must not load Pulumi's SDK, which takes long. */
import { type Checkout, readCheckout } from "../../deployer/checkout.ts";
import { stateDirectory } from "../../lib/state-directory.ts";
import { runsDirectory } from "../../runs/files.ts";
import { readRuns } from "../../runs/read.ts";
import { type Deployable, isBlocked, type LastUp, whyOf } from "../../status/why.ts";
import { EXIT_ATTENTION, EXIT_OK } from "../exit-codes.ts";
import type { StackOptions } from "../stack/name.ts";
import { hostOf, openStack } from "../stack/open.ts";
import { fleetOf } from "../status/status.ts";
import { whyText } from "./text.ts";

/** Runs in which the last `up` is searched; the others are previews. */
const RUNS_TO_SEARCH = 20;

export interface WhyOptions extends StackOptions {
  readonly host: string;
  /** True: connects to the host. False: shows only the outputs. */
  readonly ask: boolean;
  readonly json?: boolean;
  /** Seconds in which the host has to answer. */
  readonly timeout: number;
}

/** The last `up` that was recorded here and has ended. */
function lastUpOf(stack: string): LastUp | undefined {
  const run = readRuns(runsDirectory(stateDirectory(), stack), RUNS_TO_SEARCH).find(
    ({ command, state }) => command === "up" && state !== "running" && state !== "declined",
  );
  if (run === undefined) return undefined;
  const unselected = run.hosts.filter(({ selected }) => selected === false).map(({ name }) => name);
  return { id: run.id, ...(run.on !== undefined && { on: run.on }), unselected };
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
  const found = whyOf(fleet, host, { checkout, lastUp: lastUpOf(opened.stack.short) });
  if (found === undefined) throw new Error(`${host}: its facts are missing`);
  process.stdout.write(options.json ? `${JSON.stringify(found, undefined, 2)}\n` : whyText(found));
  return isBlocked(found) ? EXIT_ATTENTION : EXIT_OK;
}
