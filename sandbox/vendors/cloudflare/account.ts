import { DnsError, type DnsServer } from "../dns/server.ts";
import type { Log } from "../http.ts";
import type { RightsOf } from "../rights.ts";
import type { Store } from "../store.ts";
import { bad } from "./envelope.ts";
import { publishedSets } from "./publish.ts";
import { idFor, newZone, type State, type ZoneRow } from "./state.ts";

/** Serves zones; null without a DNS server, as in unit tests of the API. */
type Publisher = Pick<DnsServer, "openZone" | "replaceRecords"> | null;

export const NAME_SERVERS = ["art.ns.cloudflare.test", "lucy.ns.cloudflare.test"];

interface AccountOptions {
  token: string;
  /** Address that proxied names resolve to. */
  edge: string;
  log: Log;
  /** What the token may do, and how the zones are; left out: nothing restricts it. */
  rights?: RightsOf<"cloudflare">;
}

/** Permissions of a token as docs/real-account.md describes it, in the form of a zone's `permissions`. */
const PERMISSIONS = ["#dns_records:edit", "#dns_records:read", "#zone:read"];

/** One account: its zones, and the publication of every change in the DNS. */
export class Account {
  readonly store: Store<State>;
  readonly options: AccountOptions;
  readonly #dns: Publisher;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(store: Store<State>, dns: Publisher, options: AccountOptions) {
    this.store = store;
    this.options = options;
    this.#dns = dns;
  }

  get rights() {
    return this.options.rights?.() ?? {};
  }

  /** The token's permissions on the account's zones. */
  get permissions(): readonly string[] {
    return this.rights.permissions ?? PERMISSIONS;
  }

  /** Adds the zones that the account does not have yet. */
  addZones(names: string[]): void {
    for (const name of names) this.store.data.zones[idFor(name)] ??= newZone(name);
  }

  /** At start-up: makes the DNS equal to the records. */
  async reconcile(): Promise<void> {
    this.store.commit();
    for (const zone of Object.values(this.store.data.zones)) {
      await this.#dns?.openZone(zone.name, NAME_SERVERS);
      const changes = await this.#publish(zone);
      if (changes > 0) this.options.log(`dns: ${changes} record sets of ${zone.name} corrected`);
    }
  }

  /**
   * Changes a zone's records, publishes them, and then stores them. When the DNS server refuses, the zone is
   * unchanged and the caller gets a validation error. Changes run one at a time.
   */
  change<T>(zone: ZoneRow, work: (zone: ZoneRow) => T): Promise<T> {
    const run = async () => {
      const before = structuredClone(zone.records);
      try {
        const result = work(zone);
        await this.#publish(zone);
        this.store.commit();
        return result;
      } catch (error) {
        zone.records = before;
        if (error instanceof DnsError) {
          this.options.log(error.message);
          throw bad(9000, `DNS Validation Error: ${error.message}`);
        }
        throw error;
      }
    };
    const done = this.#queue.then(run);
    this.#queue = done.catch(() => {});
    return done;
  }

  async #publish(zone: ZoneRow): Promise<number> {
    const sets = publishedSets(zone.name, Object.values(zone.records), this.options.edge);
    return (await this.#dns?.replaceRecords(zone.name, sets)) ?? 0;
  }
}
