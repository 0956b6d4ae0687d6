import { appendFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readPidFile, writePidFile } from "../processes/identity.ts";
import type { Compute, CreateCompute } from "./compute.ts";
import { type Pdns, startPdns } from "./dns/pdns.ts";
import { startHetzner } from "./hetzner/part.ts";
import type { Log } from "./http.ts";
import { MemoryCompute } from "./memory-compute.ts";
import { type Part, startCloudflare, startOnePassword, startTailscale } from "./parts.ts";
import { startS3 } from "./s3/part.ts";
import { ensureSecrets } from "./secrets.ts";

export const VENDORS = ["dns", "hetzner", "cloudflare", "tailscale", "s3", "onepassword"] as const;
/** Port option -> its default and meaning. */
export const PORTS = {
  hetzner: [8001, "Hetzner Cloud API"],
  cloudflare: [8002, "Cloudflare API"],
  tailscale: [8003, "Tailscale API"],
  onepassword: [8004, "1Password for hosts"],
  s3: [9000, "S3 API of B2"],
  moto: [9001, "moto, on 127.0.0.1"],
  nixCache: [9002, "Nix binary cache in front of the buckets, on 127.0.0.1"],
  dns: [53, "DNS"],
  dnsApi: [8081, "API of the DNS server, on 127.0.0.1"],
} as const satisfies Readonly<Record<string, readonly [number, string]>>;
export type Ports = Readonly<Record<keyof typeof PORTS, number>>;
export type Vendor = (typeof VENDORS)[number];

export interface ServeOptions {
  dir: string;
  name: string;
  address: string;
  only: readonly Vendor[];
  compute: "machines" | "memory";
  /** File that exports `createCompute`, for `compute: "machines"`. */
  computeModule: string;
  zones: string[];
  edge: string;
  tailnet: string;
  suffix: string;
  /** Python environment with moto. */
  venv: string;
  checksums: "refuse" | "accept";
  /** Region of the emulated B2. */
  region: string;
  ports: Ports;
}

/** One log file per vendor; each line begins with the time. */
function logTo(dir: string, vendor: string): Log {
  const path = join(dir, "logs", `${vendor}.log`);
  return (line) => appendFileSync(path, `${new Date().toISOString()} ${line}\n`, { mode: 0o600 });
}

/** Claims the sandbox's vendors for this process. @throws Error with the pid of a process that serves them. */
function claim(dir: string): () => void {
  const pidFile = join(dir, "vendors", "serve.pid");
  const isOurs = () => readPidFile(pidFile)?.pid === process.pid;
  if (readPidFile(pidFile) === undefined) writePidFile(pidFile, process.pid);
  if (!isOurs()) {
    throw new Error(`the vendors of ${dir} are served by process ${readPidFile(pidFile)?.pid} already`);
  }
  return () => {
    if (isOurs()) rmSync(pidFile);
  };
}

async function loadCompute(options: ServeOptions): Promise<Compute> {
  if (options.compute === "memory") return new MemoryCompute();
  const module = (await import(pathToFileURL(options.computeModule).href)) as {
    createCompute: CreateCompute;
  };
  return module.createCompute(options.dir, options.name);
}

interface Serving {
  parts: { name: string; url: string }[];
  /** Rejects when a child process of a vendor ends by itself. */
  failure: Promise<never>;
  stop(): Promise<void>;
}

/** Starts the vendors; when one cannot start, the others are stopped again. */
export async function serve(options: ServeOptions): Promise<Serving> {
  const { dir, address, ports } = options;
  for (const folder of ["vendors", "logs"]) mkdirSync(join(dir, folder), { recursive: true, mode: 0o700 });
  const release = claim(dir);
  const started: Part[] = [];
  const stop = async () => {
    for (const part of started.splice(0).reverse()) await part.stop();
    release();
  };
  const isSelected = (vendor: Vendor) => options.only.includes(vendor);
  try {
    const secrets = ensureSecrets(dir);
    const common = { dir, address, secrets, log: (vendor: string) => logTo(dir, vendor) };
    let pdns: Pdns | undefined;
    if (isSelected("dns")) {
      pdns = await startPdns({
        dir: join(dir, "vendors", "dns"),
        logDir: join(dir, "logs"),
        address,
        port: ports.dns,
        apiPort: ports.dnsApi,
      });
      const { child, stop: stopDns } = pdns;
      started.push({ name: "dns", url: `dns://${address}:${ports.dns}`, ended: child.ended, stop: stopDns });
    }
    const dns = pdns?.server ?? null;
    const add = async (part: Promise<Part>) => void started.push(await part);
    await Promise.all([
      isSelected("hetzner") &&
        loadCompute(options).then((compute) => add(startHetzner(common, ports.hetzner, compute, dns))),
      isSelected("cloudflare") &&
        add(startCloudflare({ ...common, zones: options.zones, edge: options.edge }, ports.cloudflare, dns)),
      isSelected("tailscale") &&
        add(
          startTailscale(
            { ...common, tailnet: options.tailnet, suffix: options.suffix },
            ports.tailscale,
            dns,
          ),
        ),
      isSelected("onepassword") && add(startOnePassword(common, ports.onepassword)),
      isSelected("s3") &&
        add(
          startS3(
            {
              ...common,
              venv: options.venv,
              motoPort: ports.moto,
              nixPort: ports.nixCache,
              checksums: options.checksums,
              region: options.region,
            },
            ports.s3,
          ),
        ),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  const failure = new Promise<never>((_, reject) => {
    for (const { name, ended } of started) {
      void ended?.then((reason) => reject(new Error(`the process behind ${name} ended: ${reason}`)));
    }
  });
  // `stop` ends the child processes too, after which the rejection has no handler.
  failure.catch(() => {});
  return { parts: started.map(({ name, url }) => ({ name, url })), failure, stop };
}
