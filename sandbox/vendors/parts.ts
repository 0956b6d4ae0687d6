import type { Server } from "node:http";
import { join } from "node:path";
import { Account } from "./cloudflare/account.ts";
import { cloudflareApp } from "./cloudflare/app.ts";
import { emptyState as cloudflareState } from "./cloudflare/state.ts";
import type { DnsServer } from "./dns/server.ts";
import { faulty, type Refusals } from "./faulty.ts";
import { type Listener, type Log, listen, withHealth } from "./http.ts";
import { onePasswordApp } from "./onepassword/app.ts";
import { CLOUDFLARE, TAILSCALE } from "./refusals.ts";
import { readRights } from "./rights.ts";
import type { Secrets } from "./secrets.ts";
import { Store } from "./store.ts";
import { tailscaleApp } from "./tailscale/app.ts";
import { emptyState as tailscaleState } from "./tailscale/state.ts";
import { Tailnet } from "./tailscale/tailnet.ts";

export interface PartOptions {
  /** Directory of the sandbox. */
  dir: string;
  address: string;
  secrets: Secrets;
  log(vendor: string): Log;
}

/** A vendor that listens, and how to stop it. */
export interface Part {
  name: string;
  url: string;
  /** For a part with a child process: resolves with the reason when that ends. */
  ended?: Promise<string>;
  stop(): Promise<void>;
}

export const secret = (secrets: Secrets, name: string): string => {
  const value = secrets[name];
  if (!value) throw new Error(`${name} is missing in secrets.env`);
  return value;
};

/** Injects faults in front of a vendor. */
export const faultsOf =
  ({ dir }: Pick<PartOptions, "dir">, vendor: string, refusals: Refusals) =>
  (server: Server): Server =>
    faulty(server, { dir, vendor, refusals });

export const part = (name: string, listener: Listener, path = ""): Part => ({
  name,
  url: `${listener.url}${path}`,
  stop: () => listener.close(),
});

/** Serves secrets from the vault file of `op`. */
export async function startOnePassword(options: PartOptions, port: number): Promise<Part> {
  const app = onePasswordApp(join(options.dir, "vault.json"));
  const log = options.log("onepassword");
  return part("onepassword", await listen(withHealth("onepassword", app, log), options.address, port));
}

interface CloudflareOptions extends PartOptions {
  zones: string[];
  edge: string;
}

export async function startCloudflare(
  options: CloudflareOptions,
  port: number,
  dns: DnsServer | null,
): Promise<Part> {
  const log = options.log("cloudflare");
  const store = new Store(join(options.dir, "vendors", "cloudflare.json"), cloudflareState(options.zones));
  const token = secret(options.secrets, "CLOUDFLARE_API_TOKEN");
  const rights = () => readRights(options.dir).cloudflare;
  const account = new Account(store, dns, { token, edge: options.edge, log, rights });
  account.addZones(options.zones);
  await account.reconcile();
  const app = withHealth("cloudflare", cloudflareApp(account), log, () => ({ zones: options.zones }));
  return part(
    "cloudflare",
    await listen(app, options.address, port, faultsOf(options, "cloudflare", CLOUDFLARE)),
    "/client/v4",
  );
}

interface TailscaleOptions extends PartOptions {
  /** Name of the tailnet in API paths, and the suffix of its devices' names. */
  tailnet: string;
  suffix: string;
}

export async function startTailscale(
  options: TailscaleOptions,
  port: number,
  dns: DnsServer | null,
): Promise<Part> {
  const log = options.log("tailscale");
  const { secrets, suffix } = options;
  const store = new Store(join(options.dir, "vendors", "tailscale.json"), tailscaleState);
  const tailnet = new Tailnet(store, dns, {
    name: options.tailnet,
    suffix,
    apiKey: secret(secrets, "TAILSCALE_API_KEY"),
    clientId: secret(secrets, "TAILSCALE_OAUTH_CLIENT_ID"),
    clientSecret: secret(secrets, "TAILSCALE_OAUTH_CLIENT_SECRET"),
    rights: () => readRights(options.dir).tailscale,
    log,
  });
  await tailnet.reconcile();
  const app = withHealth("tailscale", tailscaleApp(tailnet), log, () => ({
    tailnet: options.tailnet,
    suffix,
  }));
  return part(
    "tailscale",
    await listen(app, options.address, port, faultsOf(options, "tailscale", TAILSCALE)),
  );
}
