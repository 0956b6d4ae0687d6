/** Items that a run would delete but no longer exist: 1Password's provider fails on them in every run. */
import * as pulumi from "@pulumi/pulumi";
import { nameOfUrn } from "../../lib/urn.ts";
import { readStackStateIfAny, type StackState } from "../stack-state.ts";
import type { Vault } from "./vault.ts";

const ITEM_TYPE = "onepassword:index/item:Item";

/** Items in the state that this run does not declare: resource name -> ids of vault and item. */
function itemsToDelete(
  state: StackState | undefined,
  prefix: string,
  wanted: ReadonlySet<string>,
): Map<string, [string, string]> {
  return new Map(
    Object.entries(state?.outputs ?? {}).flatMap(([urn, resource]) => {
      const name = nameOfUrn(urn);
      if (resource.type !== ITEM_TYPE || !name.startsWith(prefix) || wanted.has(name)) return [];
      const { vault, uuid } = resource.outputs;
      return typeof vault === "string" && typeof uuid === "string" ? [[name, [vault, uuid]]] : [];
    }),
  );
}

/**
 * Warns of them, with the command that removes them from the state. They are left by a lost answer, or
 * by an item that was deleted by hand. When 1Password does not answer, the provider reports it.
 */
export async function warnMissingItems(
  vault: Pick<Vault, "isGone">,
  { stack, prefix, wanted }: { stack: string; prefix: string; wanted: ReadonlySet<string> },
): Promise<void> {
  for (const [name, [vaultId, item]] of itemsToDelete(await readStackStateIfAny(), prefix, wanted)) {
    if (!(await vault.isGone(vaultId, item))) continue;
    pulumi.log.warn(
      `1Password: this run would delete ${name}, but its item no longer exists; tools/pantheros recover --stack ${stack} ` +
        "removes it from the state, then run up again",
    );
  }
}
