import type { Exported, Properties, StateResource } from "./deployment.ts";
import type { Vendors } from "./vendors.ts";

const ITEM = "onepassword:index/item:Item";
const RECORD = "cloudflare:index/dnsRecord:DnsRecord";

const resourcesOf = ({ deployment }: Exported, type: string): readonly StateResource[] =>
  (deployment.resources ?? []).filter((resource) => resource.type === type && resource.delete !== true);

/** What was found out about a stack's 1Password items. */
export interface LostItems {
  /** URNs of the items that are in the state and in no vault. */
  readonly urns: ReadonlySet<string>;
  /** Vaults that could not be asked, with the reason. */
  readonly unanswered: readonly string[];
}

/**
 * Items of the state that somebody deleted in 1Password. The official plugin can neither refresh nor delete them (its Read of an item
 * that is gone fails), so they have to leave the state; every item of a stack holds a value that the program has, and makes it again.
 */
export function lostItems(exported: Exported, vendors: Vendors): LostItems {
  const urns = new Set<string>();
  const unanswered: string[] = [];
  const vaults = new Map<string, ReadonlySet<unknown> | undefined>();
  for (const { urn, id = "" } of resourcesOf(exported, ITEM)) {
    const [, vault, item] = /^vaults\/([^/]+)\/items\/([^/]+)$/.exec(id) ?? [];
    if (vault === undefined || item === undefined) continue;
    if (!vaults.has(vault)) {
      try {
        vaults.set(vault, new Set(vendors.onepassword(vault).map((listed) => listed["id"])));
      } catch (error) {
        vaults.set(vault, undefined);
        unanswered.push(`vault ${vault}: ${error instanceof Error ? error.message.trim() : String(error)}`);
      }
    }
    if (vaults.get(vault)?.has(item) === false) urns.add(urn);
  }
  return { urns, unanswered };
}

/**
 * The state with CAA flags as numbers. Earlier releases wrote text, with which the official plugin can't read the record again
 * ("cannot deserialize types.StringValue").
 */
export function withNumericFlags(exported: Exported): {
  readonly state: Exported;
  readonly changed: readonly string[];
} {
  const changed: string[] = [];
  const resources = exported.deployment.resources?.map((resource) => {
    if (resource.type !== RECORD) return resource;
    const [inputs, outputs] = [numbered(resource.inputs), numbered(resource.outputs)];
    if (inputs === resource.inputs && outputs === resource.outputs) return resource;
    changed.push(resource.urn);
    return { ...resource, ...(inputs && { inputs }), ...(outputs && { outputs }) };
  });
  return {
    state: { ...exported, deployment: { ...exported.deployment, ...(resources && { resources }) } },
    changed,
  };
}

/** The same object when there is nothing to change. What the official plugin recorded of the former value goes with it. */
function numbered(properties: Properties | undefined): Properties | undefined {
  const data = properties?.["data"] as Properties | undefined;
  const flags = data?.["flags"];
  if (typeof flags !== "string" || !/^\d+$/.test(flags)) return properties;
  const { __pulumi_raw_state_delta: _delta, ...rest } = properties ?? {};
  return { ...rest, data: { ...data, flags: Number(flags) } };
}
