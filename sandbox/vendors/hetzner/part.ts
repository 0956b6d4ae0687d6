import { join } from "node:path";
import type { Compute } from "../compute.ts";
import type { DnsServer } from "../dns/server.ts";
import { listen, withHealth } from "../http.ts";
import { faultsOf, type Part, type PartOptions, part, secret } from "../parts.ts";
import { readRights } from "../rights.ts";
import { Store } from "../store.ts";
import { hetznerApp } from "./app.ts";
import { recover } from "./machines.ts";
import { openProject } from "./project.ts";
import { HETZNER } from "./refusals.ts";
import { ReverseDns } from "./reverse-dns.ts";
import { emptyState } from "./state.ts";

export async function startHetzner(
  options: PartOptions,
  port: number,
  compute: Compute,
  dns: DnsServer | null,
): Promise<Part> {
  const log = options.log("hetzner");
  const store = new Store(join(options.dir, "vendors", "hetzner.json"), emptyState);
  const reverse = dns === null ? null : new ReverseDns(dns, store.data, log);
  const token = secret(options.secrets, "HCLOUD_TOKEN");
  const rights = () => readRights(options.dir).hetzner;
  const project = openProject({ store, compute, token, log, reverse, rights });
  await recover(project);
  await reverse?.open();
  const app = withHealth("hetzner", hetznerApp(project), log, () => ({
    servers: Object.keys(store.data.servers).length,
  }));
  const listening = part(
    "hetzner",
    await listen(app, options.address, port, faultsOf(options, "hetzner", HETZNER)),
    "/v1",
  );
  return {
    ...listening,
    stop: async () => {
      await listening.stop();
      await project.actions.idle();
      store.commit();
    },
  };
}
