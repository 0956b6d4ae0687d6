import { absolute, groupRecords, type RecordSet } from "../dns/rrsets.ts";
import type { DnsServer } from "../dns/server.ts";
import type { Log } from "../http.ts";
import type { State } from "./state.ts";

/** The reverse zones of the emulated vendor's addresses (addresses.ts). */
const REVERSE_ZONES = ["113.0.203.in-addr.arpa", "1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"];

const TTL = 300;

/** The 32 digits of an IPv6 address. */
function expand(address: string): string {
  const [head = "", tail] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const before = groups(head);
  const after = groups(tail ?? "");
  const zeros = tail === undefined ? [] : Array<string>(8 - before.length - after.length).fill("0");
  return [...before, ...zeros, ...after].map((group) => group.padStart(4, "0")).join("");
}

/** `203.0.113.10` -> `10.113.0.203.in-addr.arpa.`; also for IPv6. */
export const reverseName = (address: string): string =>
  address.includes(":")
    ? `${[...expand(address)].reverse().join(".")}.ip6.arpa.`
    : `${address.split(".").reverse().join(".")}.in-addr.arpa.`;

/** PTR records of a reverse zone, from the `dns_ptr` entries of all addresses. */
export const pointerSets = (state: State, zone: string): RecordSet[] =>
  groupRecords(
    Object.values(state.primary_ips)
      .flatMap((row) => row.dns_ptr)
      .map(({ ip, dns_ptr }) => ({
        name: reverseName(ip),
        type: "PTR",
        ttl: TTL,
        content: absolute(dns_ptr),
      }))
      .filter(({ name }) => name.endsWith(`.${zone}.`)),
  );

/** Publishes the reverse DNS names of the project's addresses. */
export class ReverseDns {
  readonly #dns: Pick<DnsServer, "openZone" | "replaceRecords">;
  readonly #state: State;
  readonly #log: Log;
  #queue: Promise<void> = Promise.resolve();

  constructor(dns: Pick<DnsServer, "openZone" | "replaceRecords">, state: State, log: Log) {
    this.#dns = dns;
    this.#state = state;
    this.#log = log;
  }

  async open(): Promise<void> {
    for (const zone of REVERSE_ZONES) await this.#dns.openZone(zone, ["ns.reverse.test"]);
    await this.publish();
  }

  /** Never rejects: a server must not fail because the DNS server refuses a reverse DNS name. */
  publish(): Promise<void> {
    const run = async () => {
      for (const zone of REVERSE_ZONES) await this.#dns.replaceRecords(zone, pointerSets(this.#state, zone));
    };
    this.#queue = this.#queue.then(run).catch((error: Error) => this.#log(error.message));
    return this.#queue;
  }
}
