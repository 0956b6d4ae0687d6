/** DNS records that exist before the run changes anything, read first so that conflicts are reported first. */

import * as pulumi from "@pulumi/pulumi";
import { recordContent } from "../../inventory/dns-data.ts";
import { isExisting, type Plan } from "../../inventory/plan.ts";
import { messageOf } from "../../lib/message-of.ts";
import { firstNames } from "../../lib/names.ts";
import { sshfpOf } from "../../lib/ssh-public-key.ts";
import { nameOfUrn } from "../../lib/urn.ts";
import type { Settings } from "../../settings/settings.ts";
import { ownZone, RECORD_TYPE, vendorRecords, zoneIdOf } from "../dns/found.ts";
import { dnsRecordsFor, type HostAddresses } from "../dns/mapping.ts";
import {
  type FoundRecord,
  type KnownRecord,
  needsVendorRecords,
  type OwnRecord,
  reconcile,
} from "../dns/reconcile.ts";
import type { ZoneRecord } from "../dns/records.ts";
import type { ExistingRecords } from "../dns/zone.ts";
import { reportSkipped } from "../failures.ts";
import { readStackStateIfAny, type StackState } from "../stack-state.ts";
import { type Providers, serverProvider } from "./providers.ts";

/** An address or key that is unknown until its machine is created. */
const NOT_YET = Symbol("not known yet");
type Known = string | typeof NOT_YET;

/** Addresses and keys of the servers in the state, by host name. */
function serverAddressesInState(
  { outputs }: StackState,
  { creating }: Providers,
): Map<string, Readonly<Record<string, unknown>>> {
  const types = new Set([...creating.values()].map(({ machineType }) => machineType));
  return new Map(
    Object.entries(outputs).flatMap(([urn, { type, outputs: server }]) =>
      types.has(type) ? [[nameOfUrn(urn), server] as const] : [],
    ),
  );
}

/** What is known of the stack's machines before the run. */
function knownAddresses(
  plan: Plan,
  settings: Settings,
  { state, providers }: { readonly state: StackState; readonly providers: Providers },
): Record<string, HostAddresses<Known>> {
  const servers = serverAddressesInState(state, providers);
  const known = (value: unknown): Known => (typeof value === "string" ? value : NOT_YET);
  return Object.fromEntries(
    plan.hosts.map((host): [string, HostAddresses<Known>] => {
      if (isExisting(host)) {
        const { hostKey, ...addresses } = providers.adopting.known(host, { plan, settings });
        return [host.name, { ...addresses, hostKey: hostKey ?? NOT_YET }];
      }
      const server = servers.get(host.name) ?? servers.get(host.formerly ?? "") ?? {};
      const { families } = serverProvider(providers, host);
      const addresses = families.map((family) => [family, known(server[family])]);
      return [host.name, { ...Object.fromEntries(addresses), hostKey: known(server["hostKey"]) }];
    }),
  );
}

function contentOf({ hostKey, content }: ZoneRecord<Known>): string | undefined {
  const value = hostKey ?? content;
  if (typeof value !== "string") return undefined;
  if (hostKey === undefined) return value;
  try {
    return recordContent("SSHFP", { ...sshfpOf(value) });
  } catch {
    // providers/existing/ reports a pin that is not a key, with its host.
    return undefined;
  }
}

const knownRecord = (record: ZoneRecord<Known>): KnownRecord => {
  const { key, name, type, ttl, proxied, origin } = record;
  return { key, name, type, ttl, proxied, origin, content: contentOf(record) };
};

/** The message for a record that conflicts with a wanted one. */
function conflictProblem(
  { fleetFile, stack }: Settings,
  zoneId: string,
  { wanted, found }: { wanted: KnownRecord; found: FoundRecord },
): string {
  const resource = `${found.name}-${found.type.toLowerCase()}-${found.id.slice(0, 8)}`;
  const settings = found.content === wanted.content ? ` (ttl ${found.ttl}, proxied ${found.proxied})` : "";
  return (
    `${fleetFile}: ${wanted.origin}: the zone has a record that this stack did not create and that conflicts with ` +
    `${wanted.name} ${wanted.type}: ${found.name} ${found.type} ${found.content}${settings}. Delete it at Cloudflare, or import ` +
    "it into this stack, whose next run changes it to match the inventory: tools/pulumi import " +
    `${RECORD_TYPE} ${resource} ${zoneId}/${found.id} --stack ${stack} --protect=false --generate-code=false --yes`
  );
}

/** The vendor's records and the zone's id. When they can't be listed the run continues: the vendor refuses conflicts. */
async function vendorZone(
  zone: string,
  id: string | undefined,
): Promise<{ zoneId: string | undefined; records: FoundRecord[] | undefined }> {
  // dns/zone.ts looks the id up again and reports the error.
  const zoneId = id ?? (await zoneIdOf(zone).catch(() => undefined));
  if (zoneId === undefined) return { zoneId, records: undefined };
  try {
    return { zoneId, records: await vendorRecords(zoneId) };
  } catch (error) {
    pulumi.log.warn(
      `the records of ${zone} can't be listed (token scope Zone.DNS read), so a conflicting record shows only when ` +
        `Cloudflare refuses the new one: ${messageOf(error)}`,
    );
    return { zoneId, records: undefined };
  }
}

/**
 * The warning about records that this run deletes or replaces although they no longer exist at the
 * vendor. While the state has them, the provider reports an error for their deletion in every run
 * (404, code 81044).
 */
function vanishedProblem(records: readonly OwnRecord[], stack: string): string {
  const names = firstNames(records.map(({ name, type }) => `${name} ${type}`));
  return (
    `DNS records of this stack that are no longer at Cloudflare: ${names}. ` +
    `If their deletion fails (404), correct the state with tools/pantheros recover --stack ${stack}`
  );
}

/**
 * Compares the stack's records with its state and, when a record is new, with the zone. Records of
 * others that conflict are reported, and the wanted records are skipped; no host waits for them.
 * @returns undefined when there is no zone or the state can't be read.
 */
export async function readExistingRecords(
  plan: Plan,
  settings: Settings,
  providers: Providers,
): Promise<ExistingRecords | undefined> {
  const { dns } = plan.inventory;
  if (dns === undefined) return undefined;
  const state = await readStackStateIfAny();
  if (state === undefined) return undefined;
  const wanted = dnsRecordsFor<Known>(plan, knownAddresses(plan, settings, { state, providers })).map(
    knownRecord,
  );
  const own = ownZone(state);
  const { zoneId, records } = needsVendorRecords(wanted, own)
    ? await vendorZone(dns.zone, settings.cloudflareZoneId)
    : { zoneId: undefined, records: undefined };
  const { placements, former, conflicts, vanished } = reconcile(dns.zone, wanted, own, records);
  if (vanished.length > 0) pulumi.log.warn(vanishedProblem(vanished, settings.stack));
  for (const conflict of conflicts) reportSkipped(conflictProblem(settings, zoneId ?? "ZONE-ID", conflict));
  return { zoneId, placements, former, blocked: new Set(conflicts.map(({ wanted: { key } }) => key)) };
}
