/**
 * Matches existing records with wanted ones. Pulumi identifies resources by name and creates new ones
 * before it deletes old ones. A zone identifies records by content and refuses a record beside one that
 * excludes it.
 */
import { ADDRESSES, excludes } from "../../inventory/dns.ts";
import type { ZoneRecord } from "./records.ts";

/** An existing record; its content is in the vendor's form (`canonicalContent`). */
export interface FoundRecord {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly content: string;
  /** Seconds; 1: automatic. */
  readonly ttl: number;
  readonly proxied: boolean;
}

/** A record in the stack's state. */
export interface OwnRecord extends FoundRecord {
  readonly urn: string;
  /** Key of the record that it was created for; undefined if it was imported by hand. */
  readonly key: string | undefined;
}

/** A record that must be deleted before its successor is created (zone.ts), as the state has it. */
export interface FormerRecord {
  /** Name of the resource. */
  readonly resource: string;
  /** Full name of the record. */
  readonly name: string;
  /** The record's resource; undefined if it is deleted already. */
  readonly urn?: string;
}

/** The zone's records in the stack's state. */
export interface OwnZone {
  readonly records: readonly OwnRecord[];
  readonly former: readonly FormerRecord[];
}

/** A wanted record, as far as it is known before the run. */
export type KnownRecord = Pick<ZoneRecord<never>, "key" | "name" | "type" | "ttl" | "proxied" | "origin"> & {
  /** In the vendor's form; undefined if unknown yet, such as the address of a server that this run creates. */
  readonly content: string | undefined;
};

/** How a wanted record is created. */
export interface Placement {
  /** The resource's name after the prefix: the record's key, unless the state has a different record under it. */
  readonly key: string;
  /** URN of the resource in the state that becomes this record. */
  readonly alias?: string;
  /** Vendor's id of the identical record to import. */
  readonly importId?: string;
  /** Replaces a record of a different type, which is deleted first. */
  readonly replaces: boolean;
  /** No resource in the state becomes this record. */
  readonly isNew: boolean;
}

export interface Reconciled {
  /** By the records' keys. */
  readonly placements: ReadonlyMap<string, Placement>;
  /** Records that are deleted before the new records of their names are created. */
  readonly former: readonly FormerRecord[];
  /** Conflicting records that are not the stack's. */
  readonly conflicts: readonly { readonly wanted: KnownRecord; readonly found: FoundRecord }[];
  /** Records that this run deletes or replaces although they no longer exist at the vendor. */
  readonly vanished: readonly OwnRecord[];
}

const isSameRecord = (wanted: KnownRecord, found: FoundRecord): boolean =>
  wanted.name === found.name && wanted.type === found.type && wanted.content === found.content;

const hasSameNameAndType = (wanted: KnownRecord, found: FoundRecord): boolean =>
  wanted.name === found.name && wanted.type === found.type;

/** Pairs of a wanted and an existing record. A record is in at most one pair. */
class Pairs {
  readonly #of = new Map<string, OwnRecord>();
  readonly #claimed = new Set<string>();

  of(wanted: KnownRecord): OwnRecord | undefined {
    return this.#of.get(wanted.key);
  }

  isClaimed(own: OwnRecord): boolean {
    return this.#claimed.has(own.urn);
  }

  claim(wanted: KnownRecord, own: OwnRecord | undefined): void {
    if (own === undefined) return;
    this.#of.set(wanted.key, own);
    this.#claimed.add(own.urn);
  }

  release(wanted: KnownRecord): void {
    const own = this.#of.get(wanted.key);
    if (own === undefined) return;
    this.#of.delete(wanted.key);
    this.#claimed.delete(own.urn);
  }
}

/** Pairs by resource name, as Pulumi does, then by content. */
function pairsOf(wanted: readonly KnownRecord[], own: readonly OwnRecord[]): Pairs {
  const pairs = new Pairs();
  for (const record of wanted)
    pairs.claim(
      record,
      own.find(({ key }) => key === record.key),
    );
  for (const record of wanted) {
    if (pairs.of(record)) continue;
    pairs.claim(
      record,
      own.find((found) => !pairs.isClaimed(found) && isSameRecord(record, found)),
    );
  }
  return pairs;
}

/**
 * Whether the vendor's records must be read. A record that is new or changes its type can conflict
 * with one of them. A record that the run deletes can be gone already.
 */
export function needsVendorRecords(wanted: readonly KnownRecord[], own: OwnZone): boolean {
  const pairs = pairsOf(wanted, own.records);
  return (
    wanted.some((record) => pairs.of(record)?.type !== record.type) ||
    own.records.some((record) => !pairs.isClaimed(record))
  );
}

/** Pairs a record whose content changed, if one of its name and type is left on either side. */
function pairUnique(pairs: Pairs, wanted: readonly KnownRecord[], own: readonly OwnRecord[]): void {
  const free = own.filter((found) => !pairs.isClaimed(found));
  const open = wanted.filter((record) => pairs.of(record) === undefined);
  for (const record of open) {
    const found = free.filter((each) => hasSameNameAndType(record, each));
    const candidates = open.filter(({ name, type }) => name === record.name && type === record.type);
    if (found.length === 1 && candidates.length === 1) pairs.claim(record, found[0]);
  }
}

/** Pairs a wanted record with the first record that it excludes, so that Pulumi deletes that one first. */
function pairExcluded(
  zone: string,
  pairs: Pairs,
  wanted: readonly KnownRecord[],
  own: readonly OwnRecord[],
): void {
  for (const record of wanted) {
    if (pairs.of(record)) continue;
    const found = own.find(
      (each) =>
        !pairs.isClaimed(each) &&
        each.name === record.name &&
        excludes(zone, record.name, record.type, each.type),
    );
    pairs.claim(record, found);
  }
}

/** Name of a former record's resource. It contains the record's id, because a DNS name can change hands repeatedly. */
const formerName = ({ name, type, id }: OwnRecord): string =>
  `zone-${name}-${type.toLowerCase()}-${id.slice(0, 8)}-former`;

function formerOf(zone: string, pairs: Pairs, wanted: readonly KnownRecord[], own: OwnZone): FormerRecord[] {
  const gone = own.records
    .filter((found) => !pairs.isClaimed(found))
    .filter((found) =>
      wanted.some(
        (record) =>
          record.name === found.name &&
          pairs.of(record)?.type !== record.type &&
          excludes(zone, found.name, record.type, found.type),
      ),
    )
    .map((found) => ({ resource: formerName(found), name: found.name, urn: found.urn }));
  // Kept while its successor exists: without it the next run would show a change.
  const kept = own.former.filter(
    ({ resource, name }) =>
      gone.every((each) => each.resource !== resource) &&
      wanted.some((record) => record.name === name && ["CNAME", "NS"].includes(record.type)),
  );
  return [...gone, ...kept];
}

function vanishedOf(
  pairs: Pairs,
  wanted: readonly KnownRecord[],
  own: readonly OwnRecord[],
  vendor: readonly FoundRecord[] | undefined,
): OwnRecord[] {
  if (vendor === undefined) return [];
  const kept = new Set(wanted.flatMap((record) => keptRecord(pairs, record) ?? []));
  const ids = new Set(vendor.map(({ id }) => id));
  return own.filter((record) => !kept.has(record) && !ids.has(record.id));
}

/**
 * The record in the state that stays. Undefined for a new record, and for one that changes its type
 * and is therefore replaced.
 */
function keptRecord(pairs: Pairs, wanted: KnownRecord): OwnRecord | undefined {
  const found = pairs.of(wanted);
  return found?.type === wanted.type ? found : undefined;
}

/**
 * Whether a record that is not the stack's conflicts. The vendor refuses the same content twice, whatever
 * the rest of the record is. It accepts a second address, which would get a part of all visitors.
 */
function conflictsWith(zone: string, wanted: KnownRecord, found: FoundRecord): boolean {
  if (wanted.name !== found.name) return false;
  if (isSameRecord(wanted, found)) return true;
  if (wanted.type === found.type) return [...ADDRESSES, "CNAME"].includes(found.type);
  // The vendor accepts an alias beside any record except addresses and delegations.
  const refused = [wanted.type, found.type].includes("NS") || [...ADDRESSES, "CNAME"].includes(found.type);
  return refused && excludes(zone, wanted.name, wanted.type, found.type);
}

/**
 * Identical records that exist already: created by hand, or by an earlier run that lost the answer.
 * Key of the wanted record -> vendor's id.
 */
function importsOf(
  pairs: Pairs,
  wanted: readonly KnownRecord[],
  foreign: readonly FoundRecord[],
): Map<string, string> {
  const imports = new Map<string, string>();
  for (const record of wanted) {
    if (pairs.of(record)?.type === record.type) continue;
    const identical = foreign.find(
      (found) => isSameRecord(record, found) && found.ttl === record.ttl && found.proxied === record.proxied,
    );
    if (identical === undefined) continue;
    imports.set(record.key, identical.id);
    // The import takes the place of the state's resource that would have become this record.
    pairs.release(record);
  }
  return imports;
}

/**
 * @param own records in the stack's state.
 * @param vendor all records of the zone at the vendor, the stack's own included (same ids);
 *   undefined: not read.
 */
export function reconcile(
  zone: string,
  wanted: readonly KnownRecord[],
  own: OwnZone,
  vendor: readonly FoundRecord[] | undefined,
): Reconciled {
  const pairs = pairsOf(wanted, own.records);
  const ids = new Set(own.records.map(({ id }) => id));
  const foreign = (vendor ?? []).filter(({ id }) => !ids.has(id));
  const imports = importsOf(pairs, wanted, foreign);
  const made = wanted.filter(({ key }) => !imports.has(key));
  pairUnique(pairs, made, own.records);
  pairExcluded(zone, pairs, made, own.records);
  const taken = new Set(imports.values());
  const conflicts = made
    .filter((record) => pairs.of(record)?.type !== record.type)
    .flatMap((record) =>
      foreign
        .filter((found) => !taken.has(found.id) && conflictsWith(zone, record, found))
        .map((found) => ({ wanted: record, found })),
    );
  const keys = new Set(own.records.map(({ key }) => key));
  const placements = wanted.map((record): [string, Placement] => {
    const found = pairs.of(record);
    const importId = imports.get(record.key);
    const isTaken = importId !== undefined && keys.has(record.key);
    return [
      record.key,
      {
        key: isTaken ? `${record.key}-${record.type.toLowerCase()}` : record.key,
        ...(found !== undefined && found.key !== record.key && { alias: found.urn }),
        ...(importId !== undefined && { importId }),
        replaces: found !== undefined && found.type !== record.type,
        isNew: found === undefined,
      },
    ];
  });
  return {
    placements: new Map(placements),
    former: formerOf(zone, pairs, wanted, own),
    conflicts,
    vanished: vanishedOf(pairs, wanted, own.records, vendor),
  };
}
