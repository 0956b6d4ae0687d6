/**
 * What a preview can tell of the outputs that other teams read. Their values are known after the
 * deploys only, so the part that the inventory alone decides is compared.
 */

import * as pulumi from "@pulumi/pulumi";
import type { Plan } from "../../inventory/plan.ts";
import { outputsFor } from "../../outputs/build.ts";
import { contractChanges } from "../../preview/contract.ts";
import type { ChangedField } from "../../preview/document.ts";
import { addToPreview } from "../preview-part.ts";
import { readStackStateIfAny, type StackState } from "../stack-state.ts";

type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const treeOf = (value: unknown): Tree => (isTree(value) ? value : {});

/** The parts that the inventory decides: names of hosts and buckets, services, the zone, the cache. */
const decided = (outputs: Tree): Tree => ({
  ...(outputs["environment"] !== undefined && { environment: outputs["environment"] }),
  hosts: Object.fromEntries(
    Object.entries(treeOf(outputs["hosts"])).map(([name, host]) => [
      name,
      { wave: treeOf(host)["wave"], reachability: treeOf(host)["reachability"] },
    ]),
  ),
  services: treeOf(outputs["services"]),
  dns: { zone: treeOf(outputs["dns"])["zone"] },
  buckets: Object.fromEntries(
    Object.entries(treeOf(outputs["buckets"])).map(([key, bucket]) => [
      key,
      { name: treeOf(bucket)["name"] },
    ]),
  ),
  cache: treeOf(outputs["cache"]),
});

/** The tailnet names that the last run published: a preview does not ask for them. */
const tailnetNames = (outputs: Tree): Record<string, string> =>
  Object.fromEntries(
    Object.entries(treeOf(outputs["hosts"])).flatMap(([name, host]) => {
      const given = treeOf(treeOf(host)["addresses"])["tailnet"];
      return typeof given === "string" ? [[name, given]] : [];
    }),
  );

/** Changes against the outputs of the last run; none when nothing was published. */
function contractPreview(plan: Plan, state: StackState | undefined): ChangedField[] {
  const stack = Object.values(state?.outputs ?? {}).find(({ type }) => type === "pulumi:pulumi:Stack");
  if (stack === undefined || !isTree(stack.outputs["hosts"])) return [];
  const planned = outputsFor(plan, {
    hosts: {},
    records: [],
    buckets: Object.fromEntries(
      plan.buckets.map(({ key, name }) => [key, { name, endpoint: "", region: "" }]),
    ),
    tailnetNames: tailnetNames(stack.outputs),
  });
  return contractChanges(decided(stack.outputs), decided(planned as unknown as Tree));
}

/** Adds the changes to the document of a preview. */
export async function addContractChanges(plan: Plan): Promise<void> {
  if (pulumi.runtime.isDryRun())
    addToPreview({ outputs: contractPreview(plan, await readStackStateIfAny()) });
}
