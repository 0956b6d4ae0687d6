/**
 * Refuses a tree that the stack before has not confirmed, before anything is created. The rules are
 * in outputs/promotion.ts, those of approvals in inventory/approval.ts.
 */
import { existsSync, readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import { signatureProblem } from "../../deployer/approval.ts";
import type { Checkout } from "../../deployer/checkout.ts";
import { type Approval, approvalProblems, parseApproval } from "../../inventory/approval.ts";
import { type Plan, planFor } from "../../inventory/plan.ts";
import { APPROVE, approvers } from "../../inventory/promotion-checks.ts";
import { entryOf } from "../../lib/entry-of.ts";
import { messageOf } from "../../lib/message-of.ts";
import { listNames } from "../../lib/names.ts";
import { oneLine } from "../../lib/sanitize.ts";
import type { Revision } from "../../outputs/contract.ts";
import { parseOutputs } from "../../outputs/parse.ts";
import {
  type PromotionArgs,
  type PromotionState,
  promotionState,
  promotionText,
} from "../../outputs/promotion.ts";
import { isSameTree, type RevisionArgs } from "../../outputs/revision.ts";
import type { Settings } from "../../settings/settings.ts";
import { addToPreview } from "../preview-part.ts";
import { commandsIn, readStackStateIfAny, type StackState } from "../stack-state.ts";
import { lastOutputs } from "./kept.ts";

/** What a run deploys from, and what the last run did. */
export type RunRevision = Omit<RevisionArgs, "converged" | "now">;

/** Of a program without a checkout. */
export const UNKNOWN_REVISION: RunRevision = {
  ...{ previous: undefined, commit: null, tree: null, dirty: null, approval: undefined },
  started: new Date(0),
};

/** `staging` -> `organization/pantheros/staging`. */
const fullName = (stack: string): string =>
  stack.includes("/") ? stack : `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`;

const ownName = (): string => `${pulumi.getProject()}/${pulumi.getStack()}`;

const answer = z.object({ outputs: z.record(z.string(), z.unknown()) });

/** Reads another stack's outputs, as a StackReference does, without a resource in this stack's state. */
async function readSource(stack: string): Promise<PromotionArgs["source"]> {
  try {
    const found = await pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", { name: stack }, {});
    return parseOutputs(stack, answer.parse(found).outputs);
  } catch (error) {
    return { unreadable: oneLine(messageOf(error)) };
  }
}

/** The approval for this run, or why the file's does not count; undefined: there is no file. */
function readApproval(
  { inventory }: Plan,
  { approvalFile }: Settings,
  tree: string,
): { readonly approval: Approval } | { readonly problem: string } | undefined {
  if (!existsSync(approvalFile)) return undefined;
  try {
    const signed = parseApproval(readFileSync(approvalFile, "utf8"));
    const { approval } = signed;
    const problems = approvalProblems(approval, { inventory, stack: ownName(), tree, now: new Date() });
    const keys = entryOf(inventory.users, approval.by)?.authorizedKeys ?? [];
    const forged = problems.length === 0 ? signatureProblem(signed, keys) : undefined;
    const all = forged === undefined ? problems : [forged];
    if (all.length > 0) return { problem: `${approvalFile} does not count: ${all.join("; ")}` };
    return { approval };
  } catch (error) {
    return { problem: `${approvalFile} does not count: ${oneLine(messageOf(error))}` };
  }
}

/** Whether the stack has deployed to a host. Unknown counts as yes. */
const hasDeployed = (state: StackState | undefined): boolean =>
  state === undefined || [...commandsIn(state).keys()].some((name) => name.endsWith("-deploy"));

/** How the refused run may be let through. */
function remedy(
  { inventory }: Plan,
  { state, isFirstRun }: Pick<PromotionState, "state"> & { readonly isFirstRun: boolean },
): string[] {
  if (state === "refused") return [];
  const names = approvers(inventory);
  const command = `tools/pantheros approve --stack ${pulumi.getStack()} --reason TEXT${state === "unread" ? " --unread" : ""}`;
  const who =
    names.length === 0
      ? `a user whose role has the capability "${APPROVE}" (there is none)`
      : listNames(names);
  const text =
    state !== "unread"
      ? `an approval of ${who} lets it through before that`
      : isFirstRun
        ? `this stack has no deployed host yet: deploy the other stack first; or, if this one must be first, an approval of ${who} lets it through`
        : `make it readable; or, if the tree was tried elsewhere, an approval of ${who} lets it through`;
  return [`  ${text}: ${command}`];
}

/** A preview deploys nothing, so it does not report what a deploy will not record. */
export function logWarnings(warnings: readonly string[]): void {
  if (!pulumi.runtime.isDryRun()) for (const warning of warnings) void pulumi.log.warn(warning);
}

/**
 * What the run deploys from.
 * @throws pulumi.RunError when an `up` may not deploy it; a preview warns.
 */
export async function checkPromotion(
  plan: Plan,
  settings: Settings,
  checkout: Checkout,
): Promise<RunRevision> {
  const started = new Date();
  const state = await readStackStateIfAny();
  const previous = state === undefined ? undefined : lastOutputs(state)?.revision;
  const { commit, tree, changes } = checkout;
  const dirty = commit === null ? null : changes.length > 0;
  const revision: RunRevision = { previous, commit, tree, dirty, approval: undefined, started };
  const rule = entryOf(plan.inventory.promotion, plan.environment);
  // The stack has this tree already: a run may correct it at any time.
  if (rule === undefined || isSameTree(previous, revision)) return revision;
  const from = fullName(rule.stack ?? rule.from);
  const args: PromotionArgs = {
    ...{ from, soakMinutes: rule.soakMinutes, commit, tree, changes, now: started },
    required: planFor(plan.inventory, rule.from)
      .hosts.filter(({ reachability }) => reachability === "always")
      .map(({ name }) => name),
    source: await readSource(from),
  };
  const found = promotionState(args);
  addToPreview({ promotion: { from, allowed: found.state === "ready" } });
  if (found.state === "ready") return revision;
  const approved =
    found.state === "refused" || tree === null ? undefined : readApproval(plan, settings, tree);
  const wanted = found.state === "unread" ? "unread" : "checked";
  if (approved !== undefined && "approval" in approved) {
    const { by, reason, expires, origin } = approved.approval;
    if (origin === wanted || found.state === "unconfirmed") {
      addToPreview({ promotion: { from, allowed: true, reason: `approved by ${by}` } });
      void pulumi.log.info(
        `${from} has not confirmed the tree for long enough: ${by} approved it: ${oneLine(reason)}`,
      );
      return { ...revision, approval: { by, reason, expires } satisfies Revision["approval"] };
    }
  }
  const problem =
    approved === undefined
      ? []
      : "problem" in approved
        ? [`  ${approved.problem}`]
        : [
            `  ${settings.approvalFile} does not count: it was signed for a stack that can be read; sign again with --unread`,
          ];
  const key = `${settings.fleetFile}: promotion.${plan.environment}`;
  const text = [
    promotionText(found, args, key),
    ...problem,
    ...remedy(plan, { state: found.state, isFirstRun: !hasDeployed(state) }),
  ].join("\n");
  if (!pulumi.runtime.isDryRun()) throw new pulumi.RunError(`${text}\nnothing was changed`);
  void pulumi.log.warn(`${text}\nup will refuse this`);
  return revision;
}
