import type { DnsServer } from "../dns/server.ts";
import type { Log } from "../http.ts";
import type { RightsOf } from "../rights.ts";
import type { Store } from "../store.ts";
import { deviceRecords } from "./names.ts";
import type { State } from "./state.ts";

interface TailnetOptions {
  /** Name in API paths (the organisation's); `-` works too. */
  name: string;
  /** MagicDNS suffix of its devices, such as `tail0000.ts.net`. */
  suffix: string;
  apiKey: string;
  clientId: string;
  clientSecret: string;
  /** What the OAuth client may do; left out: nothing restricts it. */
  rights?: RightsOf<"tailscale">;
  log: Log;
}

/** One tailnet: its state, and its MagicDNS zone in the sandbox's DNS server. */
export class Tailnet {
  readonly store: Store<State>;
  readonly options: TailnetOptions;
  /** Access tokens of the OAuth endpoint -> the time (ms) at which they expire. */
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

  /** Publishes the names of the authorised devices in MagicDNS; none while it is off. */
  async publish(): Promise<void> {
    const { devices, dns } = this.state;
    const shown = dns.magicDNS ? Object.values(devices).filter((device) => device.authorized) : [];
    await this.#dns?.replaceRecords(this.options.suffix, deviceRecords(shown, this.options.suffix));
  }
}
