import { absolute, changesBetween, type RecordSet } from "./rrsets.ts";

interface ApiRecordSet {
  name: string;
  type: string;
  ttl: number;
  records: { content: string; disabled: boolean }[];
}

/** PowerDNS refused a request. */
export class DnsError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Types at the apex that the DNS server sets itself. */
const SERVER_TYPES = new Set(["SOA", "NS"]);

/** The HTTP API of the authoritative server. Source: doc.powerdns.com/authoritative/http-api. */
export class DnsServer {
  readonly #base: string;
  readonly #key: string;
  /** The sets on the server, by zone, so that only differences are sent. */
  readonly #known = new Map<string, RecordSet[]>();

  /** Writes run one at a time: two at once, even in different zones, can fail on the database's lock. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(base: string, key: string) {
    this.#base = `${base}/api/v1/servers/localhost`;
    this.#key = key;
  }

  async alive(): Promise<boolean> {
    return (await this.#call("GET", "")).ok;
  }

  /** Creates the zone, with the given name servers, or reads its records when it exists. */
  openZone(zone: string, nameservers: string[]): Promise<void> {
    return this.#serialised(() => this.#open(zone, nameservers));
  }

  /** Replaces the zone's sets, except its SOA and NS. Only differences are sent; returns their number. */
  replaceRecords(zone: string, wanted: RecordSet[]): Promise<number> {
    return this.#serialised(() => this.#replace(zone, wanted));
  }

  #serialised<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async #open(zone: string, nameservers: string[]): Promise<void> {
    const name = absolute(zone);
    const found = await this.#call("GET", `/zones/${name}`);
    if (found.ok) {
      const body = (await found.json()) as { rrsets: ApiRecordSet[] };
      const sets = body.rrsets
        .filter((set) => !(SERVER_TYPES.has(set.type) && set.name === name))
        .map(({ records, ...set }) => ({ ...set, contents: records.map((record) => record.content).sort() }));
      this.#known.set(name, sets);
      return;
    }
    const zoneBody = {
      name,
      kind: "Native",
      nameservers: nameservers.map(absolute),
      soa_edit_api: "INCREASE",
    };
    await this.#expect(await this.#call("POST", "/zones", zoneBody), `creating zone ${name}`);
    this.#known.set(name, []);
  }

  async #replace(zone: string, wanted: RecordSet[]): Promise<number> {
    const name = absolute(zone);
    const known = this.#known.get(name);
    if (known === undefined) throw new DnsError(404, `zone ${name} is not open`);
    const changes = changesBetween(known, wanted);
    if (changes.length === 0) return 0;
    const rrsets = changes.map(({ contents, ...change }) => ({
      ...change,
      records: contents.map((content) => ({ content, disabled: false })),
    }));
    await this.#expect(await this.#call("PATCH", `/zones/${name}`, { rrsets }), `changing zone ${name}`);
    this.#known.set(name, wanted);
    return changes.length;
  }

  #call(method: string, path: string, body?: object): Promise<Response> {
    return fetch(`${this.#base}${path}`, {
      method,
      headers: { "x-api-key": this.#key, "content-type": "application/json" },
      signal: AbortSignal.timeout(10_000),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  async #expect(response: Response, doing: string): Promise<void> {
    if (response.ok) return;
    const text = await response.text();
    throw new DnsError(response.status, `${doing}: ${text === "" ? response.statusText : text}`);
  }
}
