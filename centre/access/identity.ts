/** Whom a request is from. */
import { type Capability, grants } from "../../inventory/capabilities.ts";
import type { DOORS } from "../audit/chain.ts";

export interface Identity {
  /** Name of the account, e-mail address or token. */
  readonly who: string;
  readonly door: (typeof DOORS)[number];
  /** One of the inventory's roles; `owner`: the person who started the centre on their own machine. */
  readonly role: string;
  /** Entries of the role's list, or of the token's. */
  readonly capabilities: readonly string[];
}

/** Whether a person may do something: the one guard of pages and of the API. */
export type Guard = (identity: Identity, capability: Capability) => boolean;

export const guard: Guard = ({ capabilities }, capability) => grants(capabilities, capability);

/** The role of the person who starts the centre on their own machine. It acts with that person's keys. */
export const OWNER = "owner";

export const ownerIdentity = (who: string): Identity => ({
  who,
  door: "link",
  role: OWNER,
  capabilities: ["*"],
});
