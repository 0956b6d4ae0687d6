import { messageOf } from "../../lib/message-of.ts";
import type { Exported, Properties, StateResource } from "./deployment.ts";
import type { Vendors } from "./vendors.ts";

const ITEM = "onepassword:index/item:Item";
const RECORD = "cloudflare:index/dnsRecord:DnsRecord";

const resourcesOf = ({ deployment }: Exported, type: string): readonly StateResource[] =>
  (deployment.resources ?? []).filter((resource) => resource.type === type && resource.delete !== true);

export interface DeletedItems {
  /** URNs of the items that are in the state and not in their vault. */
  readonly urns: ReadonlySet<string>;
  /** Vaults that could not be listed, with the reason. */
  readonly unanswered: readonly string[];
}

/**
 * Items of the state that were deleted in 1Password. The official plugin can neither refresh nor delete them, because its
 * Read of a missing item fails, so they must leave the state. The program has the value of every item and creates it again.
 */
export async function deletedItems(exported: Exported, vendors: Vendors): Promise<DeletedItems> {
  const urns = new Set<string>();
  const unanswered: string[] = [];
  const vaults = new Map<string, ReadonlySet<unknown> | undefined>();
  for (const { urn, id = "" } of resourcesOf(exported, ITEM)) {
    const [, vault, item] = /^vaults\/([^/]+)\/items\/([^/]+)$/.exec(id) ?? [];
    if (vault === undefined || item === undefined) continue;
    if (!vaults.has(vault)) {
      try {
        vaults.set(vault, new Set((await vendors.onepassword(vault)).map((listed) => listed["id"])));
      } catch (error) {
        vaults.set(vault, undefined);
        unanswered.push(`vault ${vault}: ${messageOf(error).trim()}`);
      }
    }
    if (vaults.get(vault)?.has(item) === false) urns.add(urn);
  }
  return { urns, unanswered };
}

/**
 * The state with CAA flags as numbers. Earlier releases wrote text, which the official plugin cannot read
 * ("cannot deserialize types.StringValue").
 */
export function withNumericFlags(exported: Exported): {
  readonly state: Exported;
  readonly changed: readonly string[];
} {
  const changed: string[] = [];
  const resources = exported.deployment.resources?.map((resource) => {
    if (resource.type !== RECORD) return resource;
    const [inputs, outputs] = [withNumericFlag(resource.inputs), withNumericFlag(resource.outputs)];
    if (inputs === resource.inputs && outputs === resource.outputs) return resource;
    changed.push(resource.urn);
    return { ...resource, ...(inputs && { inputs }), ...(outputs && { outputs }) };
  });
  return {
    state: { ...exported, deployment: { ...exported.deployment, ...(resources && { resources }) } },
    changed,
  };
}

/** The same object when nothing changes. The official plugin's own note of the former value is dropped. */
function withNumericFlag(properties: Properties | undefined): Properties | undefined {
  const data = properties?.["data"] as Properties | undefined;
  const flags = data?.["flags"];
  if (typeof flags !== "string" || !/^\d+$/.test(flags)) return properties;
  const { __pulumi_raw_state_delta: _delta, ...rest } = properties ?? {};
  return { ...rest, data: { ...data, flags: Number(flags) } };
}
