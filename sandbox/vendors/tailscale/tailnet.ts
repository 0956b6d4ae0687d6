import type { DnsServer } from "../dns/server.ts";
import type { Log } from "../http.ts";
import type { Store } from "../store.ts";
import { deviceRecords } from "./names.ts";
import type { State } from "./state.ts";

interface TailnetOptions {
  /** Name in API paths (the organisation's), beside `-`. */
  name: string;
  /** MagicDNS suffix of its devices, e.g. `tail0000.ts.net`. */
  suffix: string;
  apiKey: string;
  clientId: string;
  clientSecret: string;
  log: Log;
}

/** One tailnet: its state, and its MagicDNS zone in the sandbox's DNS server. */
export class Tailnet {
  readonly store: Store<State>;
  readonly options: TailnetOptions;
  /** Access tokens given out by the OAuth endpoint, with the time (ms) at which they end. */
  readonly tokens = new Map<string, number>();
  readonly #dns: Pick<DnsServer, "openZone" | "replaceRecords"> | null;

  constructor(
    store: Store<State>,
    dns: Pick<DnsServer, "openZone" | "replaceRecords"> | null,
    options: TailnetOptions,
  ) {
    this.store = store;
    this.options = options;
    this.#dns = dns;
  }

  get state(): State {
    return this.store.data;
  }

  async reconcile(): Promise<void> {
    this.store.commit();
    await this.#dns?.openZone(this.options.suffix, ["ns.magicdns.test"]);
    await this.publish();
  }

  /** Makes MagicDNS answer for exactly the authorised devices (for none while it is switched off). */
  async publish(): Promise<void> {
    const { devices, dns } = this.state;
    const shown = dns.magicDNS ? Object.values(devices).filter((device) => device.authorized) : [];
    await this.#dns?.replaceRecords(this.options.suffix, deviceRecords(shown, this.options.suffix));
  }
}
