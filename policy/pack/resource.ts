/** A resource as the engine is about to make it, and how its inputs are read. */
import type { Plan } from "../../inventory/plan.ts";
import type { Facts } from "../facts.ts";

export interface Resource {
  readonly type: string;
  readonly name: string;
  /** Resolved inputs; a value that is not known yet is undefined. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly isProtected: boolean;
}

export type FactsOf = (resource: Resource, plan: Plan) => Partial<Facts>;

/** A kind of resources by the start of their type, and its facts. */
export type ResourceKind = readonly [start: string, facts: FactsOf];

export type Table = Readonly<Record<string, unknown>>;

/** Values of another form are read as empty. */
export const table = (value: unknown): Table =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Table) : {};
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const texts = (value: unknown): string[] => list(value).filter((item) => typeof item === "string");
export const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** The key of a resource that the inventory does not describe; no exception covers it. */
export const elsewhere = ({ name }: Pick<Resource, "name">): string => `resource ${name}`;
