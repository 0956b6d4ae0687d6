// Not the whole package: its index alone takes a third of a second to load.
import { DnsRecord, type DnsRecordArgs } from "@pulumi/cloudflare/dnsRecord.js";
import { getZoneOutput } from "@pulumi/cloudflare/getZone.js";
import { ZoneSetting } from "@pulumi/cloudflare/zoneSetting.js";
import * as pulumi from "@pulumi/pulumi";
import { recoverWith } from "../failures.ts";
import { sshfpOf } from "../ssh-public-key.ts";
import type { ZoneRecord } from "./records.ts";

/** What a stack puts into a Cloudflare zone. */
export interface ZoneArgs {
  /** Name of a zone that the account has already. */
  readonly zone: string;
  /** Its id; looked up by the name when absent. */
  readonly zoneId?: pulumi.Input<string> | undefined;
  readonly records: readonly ZoneRecord<pulumi.Input<string>>[];
  /** Settings of the whole zone, such as `ssl: "strict"`. Only for the stack that owns the zone. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

/** A record as it was written, for the outputs. */
export interface PublishedRecord {
  readonly name: string;
  readonly type: string;
  /** Undefined when the vendor refused it in this run. */
  readonly content: pulumi.Output<string | undefined>;
  readonly proxied: boolean;
}

/** Data of a CAA record. `flags` is text: that is how the provider compares it. */
const caaData = (caa: { tag: string; value: string }) => ({ flags: "0", tag: caa.tag, value: caa.value });

function payload(
  record: ZoneRecord<pulumi.Input<string>>,
): Pick<DnsRecordArgs, "content" | "data" | "priority"> {
  if (record.caa) return { data: caaData(record.caa) };
  if (record.hostKey !== undefined) return { data: pulumi.output(record.hostKey).apply(sshfpOf) };
  return {
    content: record.content as pulumi.Input<string>,
    ...(record.priority !== undefined && { priority: record.priority }),
  };
}

/** The record's content in zone file form. */
function written(record: ZoneRecord<pulumi.Input<string>>): pulumi.Output<string> {
  if (record.caa) return pulumi.output(`0 ${record.caa.tag} "${record.caa.value}"`);
  if (record.hostKey !== undefined) {
    return pulumi
      .output(record.hostKey)
      .apply(sshfpOf)
      .apply(({ algorithm, type, fingerprint }) => `${algorithm} ${type} ${fingerprint}`);
  }
  return pulumi.output(record.content as pulumi.Input<string>);
}

/** What is written is what the vendor took; a preview tells it before. */
const afterwards = (resource: DnsRecord, record: ZoneRecord<pulumi.Input<string>>) =>
  pulumi.runtime.isDryRun()
    ? written(record)
    : recoverWith(
        pulumi.all([written(record), resource.id]).apply(([content]) => content),
        () => undefined,
      );

/**
 * Records (and, for its owner, settings) of a zone at Cloudflare. The zone itself is not managed: deleting it would take the
 * domain off the net.
 *
 * Token scopes: Zone.DNS edit and Zone.Zone read; for `settings` also Zone.Zone Settings edit.
 */
export class Zone extends pulumi.ComponentResource {
  readonly zoneId: pulumi.Output<string>;
  readonly records: readonly PublishedRecord[];

  constructor(name: string, args: ZoneArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:dns:Zone", name, {}, opts);
    this.zoneId = args.zoneId === undefined ? this.#find(args.zone) : pulumi.output(args.zoneId);
    this.records = args.records.map((record) => {
      const resource = new DnsRecord(
        `${name}-${record.key}`,
        {
          zoneId: this.zoneId,
          name: record.name,
          type: record.type,
          ttl: record.ttl,
          proxied: record.proxied,
          comment: record.comment,
          ...payload(record),
        },
        // The API refuses a second record of the name while the first one stands.
        { parent: this, deleteBeforeReplace: true },
      );
      return {
        name: record.name,
        type: record.type,
        content: afterwards(resource, record),
        proxied: record.proxied,
      };
    });
    for (const [settingId, value] of Object.entries(args.settings ?? {})) {
      new ZoneSetting(
        `${name}-setting-${settingId}`,
        { zoneId: this.zoneId, settingId, value },
        { parent: this },
      );
    }
    this.registerOutputs({ zoneId: this.zoneId, records: this.records });
  }

  #find(zone: string): pulumi.Output<string> {
    const found = getZoneOutput({ filter: { name: zone } }, { parent: this });
    return found.apply((result) => {
      // Found by a filter, one of the two is empty in some releases of the provider.
      const id = result.zoneId || result.id;
      if (!id)
        throw new Error(
          `Cloudflare has no zone ${zone} for this token; add the zone, or give the token Zone.Zone read on it`,
        );
      return id;
    });
  }
}
