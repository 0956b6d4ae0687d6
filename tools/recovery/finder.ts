/** How an object that the state lacks is found at its vendor. */
import type { RequestOptions } from "../../clients/vendor-api.ts";
import type { Properties } from "./deployment.ts";

/** What was found of an object that a killed run may have created. */
export type Finding =
  | { readonly kind: "found"; readonly id: string }
  | { readonly kind: "absent" }
  /** It existed, was useless, and was removed. */
  | { readonly kind: "removed"; readonly what: string };

export const ABSENT: Finding = { kind: "absent" };

export const text = (value: unknown): string => (typeof value === "string" ? value : "");

/**
 * A list in a vendor's answer. An answer without the list is not an empty list, because an object
 * that does not exist is created again.
 * @throws Error when the answer has no such list
 */
export function objects(answer: Properties, key: string): readonly Properties[] {
  const list = answer[key] === null ? [] : answer[key];
  if (!Array.isArray(list)) throw new Error(`unexpected answer of the vendor: it has no list "${key}"`);
  return list as Properties[];
}

/** Sends a GET request to a vendor. @throws VendorError */
export type VendorGet = (path: string) => Promise<Properties>;

/** recovery.ts of a provider's folder. */
export interface ProviderFinders {
  /** @param provider properties of the Pulumi provider in the state, whose endpoint the requests go to */
  open(provider: Properties, variable: (name: string) => string, options: RequestOptions): VendorGet;
  /** By resource type. */
  readonly finders: Readonly<Record<string, (get: VendorGet, inputs: Properties) => Promise<Finding>>>;
}
