/** A kind of provider as the inventory sees it: the form of `hosts.NAME.provider`, and its checks. */
import type * as z from "zod";
import type { Problem } from "./problems.ts";
import type { System } from "./system.ts";

/** A host whose `provider` has the form of a table. */
export interface ProviderHost<Settings = unknown> {
  readonly name: string;
  readonly environment: string;
  readonly system: System;
  readonly provider: Settings;
}

export interface ProviderTable<Settings = unknown> {
  /** `kind` of the hosts' `provider`, which is also the name of the provider's folder. */
  readonly kind: string;
  /** A strict object, of which `kind` is a literal. Keys in the inventory are in snake_case. */
  readonly schema: z.ZodType<Settings>;
  /**
   * `created`: the program creates the machines and installs NixOS on them. `adopted`: they exist,
   * and the program deploys to them only. `none`: there is no machine to deploy to.
   */
  readonly machines: "created" | "adopted" | "none";
  /** Problems of its hosts that need no answer of the vendor; decommissioned hosts are among them. */
  problems?(hosts: readonly ProviderHost<Settings>[]): Problem[];
  /** Absent: `init` writes no host of the provider. */
  readonly shortForm?: ShortForm;
}

/** How `tools/pantheros init` takes a machine of a provider: `NAME=KIND:VALUE:VALUE`. */
export interface ShortForm {
  /** The values in their order, such as `TYPE:LOCATION`. */
  readonly form: string;
  /** Such as `cx23:fsn1`. */
  readonly example: string;
  /** The key of the table for each value. */
  readonly keys: readonly string[];
  /** The host's disk layout, where machines of the provider are alike. */
  readonly storage?: { readonly layout: string; readonly disk: string };
}

/** What every provider of created machines has in its table. */
export interface CreatedSettings {
  readonly kind: string;
  /** Id (`/etc/machine-id`) of the machine that may be wiped and installed again. */
  readonly reinstall?: string | undefined;
  /** Labels of the server at the vendor, where that has labels. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}
