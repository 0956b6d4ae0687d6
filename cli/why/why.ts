/** `pantheros why`: why a host does not run what is wanted. Must not load Pulumi's SDK, which takes long. */
import { type Checkout, readCheckout } from "../../deployer/checkout.ts";
import { type Deployable, isBlocked, whyOf } from "../../status/why.ts";
import { EXIT_ATTENTION, EXIT_OK } from "../exit-codes.ts";
import type { StackOptions } from "../stack/name.ts";
import { hostOf, openStack } from "../stack/open.ts";
import { fleetOf } from "../status/status.ts";
import { whyText } from "./text.ts";

export interface WhyOptions extends StackOptions {
  readonly host: string;
  /** True: connects to the host. False: shows only the outputs. */
  readonly ask: boolean;
  readonly json?: boolean;
  /** Seconds in which the host has to answer. */
  readonly timeout: number;
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
  const found = whyOf(fleet, host, checkout);
  if (found === undefined) throw new Error(`${host}: its facts are missing`);
  process.stdout.write(options.json ? `${JSON.stringify(found, undefined, 2)}\n` : whyText(found));
  return isBlocked(found) ? EXIT_ATTENTION : EXIT_OK;
}
