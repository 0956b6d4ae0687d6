// Single modules: the package's index alone takes a third of a second to load.
import { DnsRecord, type DnsRecordArgs } from "@pulumi/cloudflare/dnsRecord.js";
import * as pulumi from "@pulumi/pulumi";
import { hasData, recordContent, vendorData } from "../../inventory/dns-data.ts";
import { sshfpOf } from "../../lib/ssh-public-key.ts";
import { unlessFailed } from "../failures.ts";
import { FORMER_TYPE, zoneIdOf } from "./found.ts";
import type { FormerRecord, Placement, Reconciled } from "./reconcile.ts";
import type { ZoneRecord } from "./records.ts";

/** How wanted records relate to existing ones. */
export interface ExistingRecords extends Pick<Reconciled, "placements" | "former"> {
  /** Undefined if the vendor was not queried. */
  readonly zoneId: string | undefined;
  /** Keys of records that are skipped because of a conflicting record that is not the stack's. */
  readonly blocked: ReadonlySet<string>;
}

export interface ZoneArgs {
  /** Name of an existing zone of the account. */
  readonly zone: string;
  /** Its id; looked up by name if absent. */
  readonly zoneId?: pulumi.Input<string> | undefined;
  readonly records: readonly ZoneRecord<pulumi.Input<string>>[];
  /** From components/fleet/existing-records.ts; without it no existing record is imported or renamed. */
  readonly existing?: ExistingRecords | undefined;
}

/** A record for the outputs. */
export interface PublishedRecord {
  readonly name: string;
  readonly type: string;
  /** Undefined if the vendor refused it in this run. */
  readonly content: pulumi.Output<string | undefined>;
  readonly proxied: boolean;
}

function payload(
  record: ZoneRecord<pulumi.Input<string>>,
): Pick<DnsRecordArgs, "content" | "data" | "priority"> {
  if (record.hostKey !== undefined) return { data: pulumi.output(record.hostKey).apply(sshfpOf) };
  // Records of types with fields come only from the inventory, so their content is a string and not
  // an Output.
  if (hasData(record.type)) return vendorData(record.type, record.content as string);
  return {
    content: record.content as pulumi.Input<string>,
    ...(record.priority !== undefined && { priority: record.priority }),
  };
}

/** The record's content in zone file form. */
const zoneFileContent = ({ hostKey, content }: ZoneRecord<pulumi.Input<string>>): pulumi.Output<string> =>
  hostKey === undefined
    ? pulumi.output(content as pulumi.Input<string>)
    : pulumi.output(hostKey).apply((key) => recordContent("SSHFP", { ...sshfpOf(key) }));

/** The content once the vendor has accepted the record; in a preview, the content it would have. */
const publishedContent = (resource: DnsRecord, record: ZoneRecord<pulumi.Input<string>>) =>
  pulumi.runtime.isDryRun()
    ? zoneFileContent(record)
    : unlessFailed(pulumi.all([zoneFileContent(record), resource.id]).apply(([content]) => content));

/** What the resource of a deleted record becomes, so that its successor can wait for the deletion. */
class Former extends pulumi.ComponentResource {
  constructor(record: FormerRecord, opts: pulumi.ComponentResourceOptions) {
    super(FORMER_TYPE, record.resource, {}, opts);
    this.registerOutputs({ name: record.name });
  }
}

interface NamedArgs extends ZoneArgs {
  /** Prefix of the resources' names. */
  readonly name: string;
  readonly id: pulumi.Output<string>;
}

/** Creates the records in an order that the vendor accepts. */
class Records {
  readonly #zone: pulumi.Resource;
  readonly #args: NamedArgs;
  readonly #made = new Map<string, DnsRecord>();
  readonly #former = new Map<string, Former[]>();

  constructor(zone: pulumi.Resource, args: NamedArgs) {
    this.#zone = zone;
    this.#args = args;
  }

  /** A record's resource, declared after those that it depends on. The dependencies have no cycles. */
  of(record: ZoneRecord<pulumi.Input<string>>): DnsRecord {
    const made = this.#made.get(record.key);
    if (made) return made;
    const { alias, importId, key = record.key } = this.#placement(record) ?? {};
    const gone = this.#formerOf(record.name).map(({ urn }) => urn);
    const resource = new DnsRecord(
      `${this.#args.name}-${key}`,
      {
        zoneId: this.#args.id,
        // `dependsOn` waits for a component's children, not for the component itself.
        name: gone.length === 0 ? record.name : pulumi.all(gone).apply(() => record.name),
        type: record.type,
        ttl: record.ttl,
        proxied: record.proxied,
        comment: record.comment,
        ...payload(record),
      },
      {
        parent: this.#zone,
        dependsOn: [...this.#targetsOf(record), ...this.#replacedBeside(record)],
        // The API refuses a second record of the name while the first one exists.
        deleteBeforeReplace: true,
        ...(alias !== undefined && { aliases: [alias] }),
        ...(importId !== undefined && { import: `${this.#args.existing?.zoneId}/${importId}` }),
      },
    );
    this.#made.set(record.key, resource);
    return resource;
  }

  #placement({ key }: ZoneRecord<pulumi.Input<string>>): Placement | undefined {
    return this.#args.existing?.placements.get(key);
  }

  /** The addresses that an alias points to: a name moves only when its new host has addresses. */
  #targetsOf({ type, content }: ZoneRecord<pulumi.Input<string>>): DnsRecord[] {
    if (type !== "CNAME") return [];
    const targets = this.#args.records.filter(
      (other) => other.name === content && ["A", "AAAA"].includes(other.type),
    );
    return targets.map((target) => this.of(target));
  }

  /** A new record waits for the record of its name that replaces a conflicting one. */
  #replacedBeside(record: ZoneRecord<pulumi.Input<string>>): DnsRecord[] {
    if (!this.#placement(record)?.isNew) return [];
    return this.#args.records
      .filter((other) => other.name === record.name && this.#placement(other)?.replaces)
      .map((other) => this.of(other));
  }

  #formerOf(name: string): Former[] {
    const made = this.#former.get(name);
    if (made) return made;
    const successors = this.#args.records.filter((record) => record.name === name);
    const dependsOn = successors.flatMap((record) => this.#targetsOf(record));
    const gone = (this.#args.existing?.former ?? [])
      .filter((record) => record.name === name)
      .map((record) => {
        const { urn } = record;
        // An option of custom resources, which this one was: it deletes the record now, not at the end of the run.
        const deletion = { deleteBeforeReplace: true };
        const aliases = urn !== undefined && { aliases: [urn] };
        return new Former(record, { parent: this.#zone, dependsOn, ...aliases, ...deletion });
      });
    this.#former.set(name, gone);
    return gone;
  }
}

/**
 * Records of a zone at Cloudflare. The zone itself is not managed: deleting it would take the whole
 * domain offline.
 *
 * Token scopes: Zone.DNS edit and Zone.Zone read.
 */
export class Zone extends pulumi.ComponentResource {
  readonly zoneId: pulumi.Output<string>;
  readonly records: readonly PublishedRecord[];

  constructor(name: string, args: ZoneArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:dns:Zone", name, {}, opts);
    const known = args.zoneId ?? args.existing?.zoneId;
    this.zoneId = known === undefined ? this.#find(args.zone) : pulumi.output(known);
    const blocked = args.existing?.blocked ?? new Set();
    const records = args.records.filter(({ key }) => !blocked.has(key));
    const made = new Records(this, { ...args, records, name, id: this.zoneId });
    this.records = records.map((record) => ({
      name: record.name,
      type: record.type,
      content: publishedContent(made.of(record), record),
      proxied: record.proxied,
    }));
    this.registerOutputs({ zoneId: this.zoneId, records: this.records });
  }

  #find(zone: string): pulumi.Output<string> {
    return pulumi.output(zoneIdOf(zone, { parent: this }));
  }
}
