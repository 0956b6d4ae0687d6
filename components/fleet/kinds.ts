/** Which of a plan's machines the program creates. Must not import Pulumi's SDK: it runs before that is loaded. */
import type { CreatedHost, Plan } from "../../inventory/plan.ts";
import { isCreated } from "../../inventory/providers.ts";

/** Created hosts in service. */
export const createdHosts = ({ hosts }: Pick<Plan, "hosts">): CreatedHost[] => hosts.filter(isCreated);

/** Kinds of the plan's created machines, of decommissioned ones too. */
export const creatingKinds = (plan: Pick<Plan, "hosts" | "retired">): string[] => [
  ...new Set([...createdHosts(plan), ...plan.retired].map(({ provider }) => provider.kind)),
];
