/** Items that a run deletes and that are gone already: 1Password's provider fails on those, at every run. */
import * as pulumi from "@pulumi/pulumi";
import { nameOfUrn } from "../../lib/urn.ts";
import { readStackState, stackState } from "../stack-state.ts";
import type { Vault } from "./vault.ts";

const ITEM_TYPE = "onepassword:index/item:Item";

/** The state's items that no resource of this run is: ids of vault and item by the resource's name. */
function itemsToDelete(
  state: unknown,
  prefix: string,
  wanted: ReadonlySet<string>,
): Map<string, [string, string]> {
  const { outputs } = stackState.parse(state);
  return new Map(
    Object.entries(outputs).flatMap(([urn, resource]) => {
      const name = nameOfUrn(urn);
      if (resource.type !== ITEM_TYPE || !name.startsWith(prefix) || wanted.has(name)) return [];
      const { vault, uuid } = resource.outputs;
      return typeof vault === "string" && typeof uuid === "string" ? [[name, [vault, uuid]]] : [];
    }),
  );
}

/**
 * Warns of them, with the command that takes them out of the state. A lost answer leaves such an item, and somebody who deletes one
 * by hand. What cannot be found out is left to the provider.
 */
export async function warnMissingItems(
  vault: Pick<Vault, "isGone">,
  { stack, prefix, wanted }: { stack: string; prefix: string; wanted: ReadonlySet<string> },
): Promise<void> {
  try {
    for (const [name, [vaultId, item]] of itemsToDelete(await readStackState(), prefix, wanted)) {
      if (!(await vault.isGone(vaultId, item))) continue;
      pulumi.log.warn(
        `1Password: ${name} is to be deleted and its item is gone already; tools/pulumi recover --stack ${stack} ` +
          "takes it out of the state, then up again",
      );
    }
  } catch (error) {
    pulumi.log.debug(`items that are gone can't be looked for: ${error}`);
  }
}
