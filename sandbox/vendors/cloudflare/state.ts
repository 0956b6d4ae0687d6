import { createHash, randomBytes } from "node:crypto";

export interface RecordRow {
  id: string;
  name: string;
  type: string;
  content: string;
  /** Structured form for types such as CAA and SRV. */
  data?: Record<string, unknown>;
  priority?: number;
  proxied: boolean;
  ttl: number;
  comment: string | null;
  tags: string[];
  settings: Record<string, unknown>;
  created_on: string;
  modified_on: string;
}

export interface ZoneRow {
  id: string;
  name: string;
  created_on: string;
  modified_on: string;
  records: Record<string, RecordRow>;
  /** Settings that differ from the vendor's defaults. */
}

export interface State {
  accountId: string;
  zones: Record<string, ZoneRow>;
}

export const newId = (): string => randomBytes(16).toString("hex");

/** Ids of zones and accounts are derived from their names, so they are the same in every sandbox. */
export const idFor = (name: string): string => createHash("sha256").update(name).digest("hex").slice(0, 32);

export const now = (): string => new Date().toISOString().replace(/\.(\d{3})Z$/, ".$1000Z");

export const emptyState = (zones: string[]) => (): State => ({
  accountId: idFor("account"),
  zones: Object.fromEntries(zones.map((name) => [idFor(name), newZone(name)])),
});

export const newZone = (name: string): ZoneRow => ({
  id: idFor(name),
  name,
  created_on: now(),
  modified_on: now(),
  records: {},
});
