/** Whether a promotion rule stops the stack's first run: the stack that should confirm a tree may not exist yet. */
import { existsSync, readFileSync } from "node:fs";
import { parseApproval } from "../../../inventory/approval.ts";
import { approvers } from "../../../inventory/promotion-checks.ts";
import type { Check, Observation } from "../../../lib/check.ts";
import { entryOf } from "../../../lib/entry-of.ts";
import { listNames } from "../../../lib/names.ts";
import { nameOfUrn } from "../../../lib/urn.ts";
import { type StackName, stackName } from "../../stack/name.ts";
import { readOutputs } from "../../stack/outputs.ts";
import type { DoctorContext } from "../context.ts";

/** `staging` beside `organization/pantheros/production` is `organization/pantheros/staging`. */
function beside({ full }: StackName, { env, root }: DoctorContext, other: string): StackName {
  const prefix = other.includes("/") ? "" : full.slice(0, full.lastIndexOf("/") + 1);
  return stackName({ stack: `${prefix}${other}` }, { env, root, cwd: root });
}

/** Whether the file has an approval for outputs that cannot be read; the run checks signature, tree and time. */
function isApproved(file: string): boolean {
  try {
    return existsSync(file) && parseApproval(readFileSync(file, "utf8")).approval.origin === "unread";
  } catch {
    return false;
  }
}

async function firstRunProblems(context: DoctorContext): Promise<Observation[]> {
  const { plan, settings, stack, root } = context;
  const rule = entryOf(plan.inventory.promotion, plan.environment);
  if (rule === undefined) return [];
  const hasDeployed = (await context.resources()).some(({ urn }) => nameOfUrn(urn).endsWith("-deploy"));
  if (hasDeployed) return [];
  const source = beside(stack, context, rule.stack ?? rule.from);
  const outputs = await readOutputs(source, root).catch(() => undefined);
  if (outputs !== undefined || isApproved(settings.approvalFile)) return [];
  const names = approvers(plan.inventory);
  const signer = names.length === 0 ? "" : ` with a key of ${listNames(names)}`;
  return [
    {
      what: `the outputs of ${source.full} cannot be read, so the first run of ${stack.short} needs an approval`,
      why: `promotion.${plan.environment} lets through only what that stack has confirmed, and it has confirmed nothing yet`,
      fix: `deploy ${source.short} first, or sign${signer}: tools/pantheros approve --stack ${stack.short} --unread --reason "first run"`,
    },
  ];
}

export const promotionChecks = (context: DoctorContext): Check[] => [
  { name: "first run", run: () => firstRunProblems(context) },
];
