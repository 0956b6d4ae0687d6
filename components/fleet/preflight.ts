/**
 * Reads a stack's servers from Hetzner Cloud while Nix evaluates. Must not import Pulumi's SDK, which
 * loads at the same time.
 */

import { Config } from "@pulumi/pulumi/config.js";
import { HETZNER_ENDPOINT, HetznerApi } from "../../clients/hetzner/api.ts";
import { isHetzner, type Plan } from "../../inventory/plan.ts";
import { messageOf } from "../../lib/message-of.ts";
import {
  type Findings,
  fetchVendorView,
  preflightFindings,
  type VendorView,
} from "../hetzner-server/preflight.ts";

export interface Preflight extends Findings {
  readonly api: HetznerApi;
  readonly view: VendorView;
}

/** Undefined: no servers to check, or no token. `failure`: why the vendor gave no answer. */
export type PreflightResult = Preflight | { readonly failure: string } | undefined;

/** Few, since a preview works without the answer and should not wait minutes for it. */
const MAX_ATTEMPTS = 2;

const shortMessage = (error: unknown): string => messageOf(error).slice(0, 300);

/** Never throws. */
export async function runPreflight(plan: Plan, stack: string): Promise<PreflightResult> {
  const hosts = plan.hosts.filter(isHetzner);
  if (hosts.length + plan.retired.length === 0) return undefined;
  const config = new Config("hcloud");
  const token = config.get("token") || process.env["HCLOUD_TOKEN"];
  // The provider reports a missing token.
  if (!token) return undefined;
  const api = new HetznerApi({
    endpoint: config.get("endpoint") ?? HETZNER_ENDPOINT,
    token,
    maxAttempts: MAX_ATTEMPTS,
  });
  try {
    const view = await fetchVendorView(api, stack, hosts);
    return { api, view, ...preflightFindings(view, plan, Date.now()) };
  } catch (error) {
    return { failure: shortMessage(error) };
  }
}
