/**
 * Checks that a vendor answers before the first new object is created there. Without this gate,
 * each server, address, record or bucket would fail by itself with the same error. If the check
 * fails, all new objects of the vendor fail with one error. Existing objects need no gate, so a run
 * continues while the vendor of unchanged objects is down.
 */
import * as pulumi from "@pulumi/pulumi";
import { CloudflareApi } from "../clients/cloudflare/api.ts";
import { TailscaleApi, tailscaleCredentials } from "../clients/tailscale/api.ts";
import { networkReason, TIMEOUT_SECONDS, VendorError } from "../clients/vendor-api.ts";
import type { Plan } from "../inventory/plan.ts";
import { messageOf } from "../lib/message-of.ts";
import { nameOfUrn } from "../lib/urn.ts";
import type { Settings } from "../settings/settings.ts";
import { endpointOf } from "./buckets/provider.ts";
import type { PreflightAnswers } from "./fleet/preflight.ts";
import type { Providers } from "./fleet/providers.ts";
import { readStackStateIfAny } from "./stack-state.ts";
import { apiBase } from "./tailnet/device.ts";

interface Vendor {
  readonly name: string;
  /** Rejects when the vendor does not answer, or refuses the credentials. */
  check(): Promise<unknown>;
}

/** Package of a resource's type, such as `cloudflare` -> vendor. */
export type Vendors = Readonly<Record<string, Vendor>>;

/** Few, because the provider itself retries for longer. */
const MAX_ATTEMPTS = 2;

/**
 * Whether every request will fail. A 403 does not show that: the token may lack a right that the
 * run does not use.
 */
const isClosed = (error: unknown): boolean =>
  !(error instanceof VendorError) ||
  error.status === undefined ||
  error.status === 401 ||
  error.status >= 500;

async function request(api: CloudflareApi | TailscaleApi, path: string): Promise<void> {
  try {
    await api.request("GET", path);
  } catch (error) {
    if (isClosed(error)) throw error;
  }
}

/** Accepts any answer, because a store refuses requests without a signature. */
async function anyAnswer(endpoint: string): Promise<void> {
  try {
    await fetch(endpoint, { method: "HEAD", signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000) });
  } catch (error) {
    throw new Error(`${endpoint}: ${networkReason(error)}`);
  }
}

/** The vendors of a plan that can be checked with the credentials that this program has. */
export function vendorsOf(
  plan: Plan,
  settings: Settings,
  { providers, answers }: { readonly providers: Providers; readonly answers: PreflightAnswers },
  env: NodeJS.ProcessEnv = process.env,
): Vendors {
  const configured = (vendor: string, key: string) => new pulumi.Config(vendor).get(key) || undefined;
  const { storage } = plan.inventory;
  const cloudflareToken = configured("cloudflare", "apiToken") ?? env["CLOUDFLARE_API_TOKEN"];
  const options = { maxAttempts: MAX_ATTEMPTS };
  return {
    ...Object.fromEntries(
      [...providers.creating].map(([kind, { name, package: vendor }]): [string, Vendor] => {
        const answer = answers.get(kind);
        const check = async () => {
          if (answer !== undefined && "failure" in answer) throw new Error(answer.failure);
        };
        return [vendor, { name, check }];
      }),
    ),
    // Without a configured id the zone is looked up first, which is a gate as well (dns/zone.ts).
    ...(settings.cloudflareZoneId !== undefined &&
      cloudflareToken && {
        cloudflare: {
          name: "Cloudflare",
          check: () => {
            const endpoint = configured("cloudflare", "baseUrl");
            const api = new CloudflareApi({
              ...options,
              token: cloudflareToken,
              ...(endpoint !== undefined && { endpoint }),
            });
            return request(api, `/zones/${settings.cloudflareZoneId}`);
          },
        },
      }),
    ...(configured("tailscale", "apiKey") === undefined &&
      configured("tailscale", "oauthClientId") === undefined && {
        tailscale: {
          name: "Tailscale",
          check: async () => {
            const api = new TailscaleApi({
              ...options,
              endpoint: apiBase(env),
              credentials: tailscaleCredentials(env),
              scope: "auth_keys",
            });
            await request(api, "/tailnet/-/keys");
          },
        },
      }),
    ...(storage !== undefined && {
      aws: {
        name: "the bucket store",
        check: () => anyAnswer(endpointOf({ region: storage.region, endpoint: settings.s3Endpoint })),
      },
    }),
  };
}

/** Runs a vendor's check. @throws RunError with the reason and the remedy */
async function checked({ name, check }: Vendor): Promise<void> {
  try {
    await check();
  } catch (error) {
    const reason = messageOf(error);
    throw new pulumi.RunError(
      `${name} does not answer: ${reason}; nothing new was created there: run up again when it answers`,
    );
  }
}

/** Must be called before the first resource. A preview creates nothing and has no gates. */
export function gateVendors(vendors: Vendors): void {
  if (pulumi.runtime.isDryRun()) return;
  const gates = new Map<string, Promise<void>>();
  const gateOf = (vendor: Vendor, type: string): Promise<void> => {
    const known = gates.get(type);
    if (known !== undefined) return known;
    const gate = checked(vendor);
    gate.catch(() => {}); // each resource gets the error; this only marks it as handled
    gates.set(type, gate);
    return gate;
  };
  const existing = readStackStateIfAny().then(
    (state) =>
      new Set(Object.entries(state?.outputs ?? {}).map(([urn, { type }]) => `${type} ${nameOfUrn(urn)}`)),
  );
  pulumi.runtime.registerStackTransformation(({ type, name, props, opts }) => {
    const [vendor = ""] = type.split(":");
    const gated = Object.hasOwn(vendors, vendor) ? vendors[vendor] : undefined;
    if (gated === undefined) return undefined;
    const open = existing.then(async (known): Promise<pulumi.Resource[]> => {
      if (!known.has(`${type} ${name}`)) await gateOf(gated, vendor);
      return [];
    });
    open.catch(() => {}); // the resource gets the error
    // The SDK also accepts nested lists and promises of lists, which its type does not show
    // (runtime/dependsOn.ts).
    const dependsOn = [open, opts.dependsOn ?? []] as unknown as pulumi.Input<pulumi.Resource>[];
    return { props, opts: { ...opts, dependsOn } };
  });
}
