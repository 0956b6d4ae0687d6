/**
 * Which record that exists becomes which record that is wanted. Pulumi knows resources by name and makes new ones before it deletes
 * old ones; a zone knows records by content and takes no record beside one that it excludes. This brings the two together.
 */
import { ADDRESSES, excludes } from "../../inventory/dns.ts";
import type { ZoneRecord } from "./records.ts";

/** A record that exists; content in the vendor's form (`canonicalContent`). */
export interface FoundRecord {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly content: string;
  /** Seconds; 1: automatic. */
  readonly ttl: number;
  readonly proxied: boolean;
}

/** A record in the stack's own state. */
export interface OwnRecord extends FoundRecord {
  readonly urn: string;
  /** Key of the record that it was made for; undefined when it was imported by hand. */
  readonly key: string | undefined;
}

/** A record that had to go before another came, as the state remembers it: zone.ts. */
export interface FormerRecord {
  /** Name of the resource. */
  readonly resource: string;
  /** Full name of the record. */
  readonly name: string;
  /** The record's resource; undefined when it is gone already. */
  readonly urn?: string;
}

/** What the stack's own state holds of the zone. */
export interface OwnZone {
  readonly records: readonly OwnRecord[];
  readonly former: readonly FormerRecord[];
}

/** A wanted record as far as it is known before anything is made. */
export type KnownRecord = Pick<ZoneRecord<never>, "key" | "name" | "type" | "ttl" | "proxied" | "origin"> & {
  /** In the vendor's form; undefined: not known yet, as the address of a server that is to be made. */
  readonly content: string | undefined;
};

/** How a wanted record comes to be. */
export interface Placement {
  /** What the resource is named after: the record's key, but where the state has something else under it that can't become it. */
  readonly key: string;
  /** URN under which the state has what becomes this record. */
  readonly alias?: string;
  /** Vendor's id of the identical record that is taken over. */
  readonly importId?: string;
  /** Takes the place of a record of another type, which goes first. */
  readonly replaces: boolean;
  /** Not in the state, in whatever form. */
  readonly isNew: boolean;
}

export interface Reconciled {
  /** By the records' keys. */
  readonly placements: ReadonlyMap<string, Placement>;
  /** Records that go before those of their names come. */
  readonly former: readonly FormerRecord[];
  /** What is in the way and not the stack's own. */
  readonly conflicts: readonly { readonly wanted: KnownRecord; readonly found: FoundRecord }[];
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

/** By name of the resource, as Pulumi does before all else; then by content. */
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

/** Records that are not in the state, or as another type: what stands at the vendor can be in their way. */
export function newRecords(wanted: readonly KnownRecord[], own: OwnZone): KnownRecord[] {
  const pairs = pairsOf(wanted, own.records);
  return wanted.filter((record) => pairs.of(record)?.type !== record.type);
}

/** A record whose content changed is still the same one, where only one of its name and type is left on either side. */
function pairUnique(pairs: Pairs, wanted: readonly KnownRecord[], own: readonly OwnRecord[]): void {
  const free = own.filter((found) => !pairs.isClaimed(found));
  const open = wanted.filter((record) => pairs.of(record) === undefined);
  for (const record of open) {
    const found = free.filter((each) => hasSameNameAndType(record, each));
    const rivals = open.filter(({ name, type }) => name === record.name && type === record.type);
    if (found.length === 1 && rivals.length === 1) pairs.claim(record, found[0]);
  }
}

/** Of the records that a wanted one excludes, the first becomes it: Pulumi then deletes that one before it makes this one. */
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

/** Name of the resource that remembers a record: the record's id is in it, since a name can change hands again and again. */
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
  // As long as the name is what it became: dropped earlier it would show as a change in the run after.
  const kept = own.former.filter(
    ({ resource, name }) =>
      gone.every((each) => each.resource !== resource) &&
      wanted.some((record) => record.name === name && ["CNAME", "NS"].includes(record.type)),
  );
  return [...gone, ...kept];
}

/**
 * Whether a record of somebody else's is in the way. The vendor refuses the same content twice, whatever the rest of the record is;
 * a second address it would take, and lead a part of all visitors there.
 */
function conflictsWith(zone: string, wanted: KnownRecord, found: FoundRecord): boolean {
  if (wanted.name !== found.name) return false;
  if (isSameRecord(wanted, found)) return true;
  if (wanted.type === found.type) return [...ADDRESSES, "CNAME"].includes(found.type);
  // The vendor takes an alias beside anything but addresses and delegations.
  const refused = [wanted.type, found.type].includes("NS") || [...ADDRESSES, "CNAME"].includes(found.type);
  return refused && excludes(zone, wanted.name, wanted.type, found.type);
}

/**
 * Identical records that are there already: somebody made them by hand, or an earlier run did and never heard that they were made.
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
    // What the state has under its name was to become this record, and need not any more.
    pairs.release(record);
  }
  return imports;
}

/**
 * @param own records of the stack's own state.
 * @param vendor all records of the zone; those of the state are known by their ids.
 */
export function reconcile(
  zone: string,
  wanted: readonly KnownRecord[],
  own: OwnZone,
  vendor: readonly FoundRecord[],
): Reconciled {
  const pairs = pairsOf(wanted, own.records);
  const ids = new Set(own.records.map(({ id }) => id));
  const foreign = vendor.filter(({ id }) => !ids.has(id));
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
  return { placements: new Map(placements), former: formerOf(zone, pairs, wanted, own), conflicts };
}
