/** What a preview tells of a host, as data for `preview.json`. */
import type { ClosureComparison } from "../../../deployer/closures/diff.ts";
import { unitChanges } from "../../../deployer/closures/units.ts";
import type { EvaluationFailure } from "../../../deployer/evaluation/target.ts";
import { NOT_PROBED, type Probe } from "../../../deployer/probe.ts";
import { oneLine } from "../../../lib/sanitize.ts";
import type { PreviewHost } from "../../../preview/document.ts";
import { isPinned, type Wanted } from "../pin.ts";
import { deployReason, isDrift } from "../token.ts";
import { inhibitorReasons, rebootReasons, shortPath } from "./host.ts";

/** Where a host is in the stack's order. */
export type HostPlace = Pick<PreviewHost, "host" | "wave" | "required">;

export interface HostFactsArgs {
  readonly place: HostPlace;
  readonly wanted: Wanted;
  readonly probe: Probe;
  readonly reboot: "allow" | "never";
  readonly closures?: ClosureComparison | undefined;
}

/** Text of a host or a command, for one line of a document. */
const line = (text: string): string => oneLine(text, 1000);

export const notEvaluatedFacts = (place: HostPlace, { reason, hint }: EvaluationFailure): PreviewHost => ({
  ...place,
  action: "not-evaluated",
  reason: line(reason),
  hint: line(hint),
});

export function hostFacts({ place, wanted, probe, reboot, closures }: HostFactsArgs): PreviewHost {
  const pinned = isPinned(wanted);
  const facts = { ...place, ...(pinned && { pinned }), wanted: shortPath(wanted.outPath) };
  if (!probe.reached) {
    if (probe.reason === NOT_PROBED.reason) return { ...facts, action: "not-probed" };
    return {
      ...facts,
      action: place.required ? "unreachable" : "when-online",
      reason: line(probe.reason),
      ...(probe.hint !== undefined && { hint: line(probe.hint) }),
    };
  }
  const { status } = probe;
  const reason = deployReason(wanted.outPath, probe);
  if (reason === undefined) return { ...facts, action: "nothing" };
  const reasons = isPinned(wanted) ? [] : rebootReasons(status, wanted);
  const units =
    !isPinned(wanted) && status.system !== wanted.outPath && status.units != null
      ? unitChanges(status.units, wanted.units)
      : undefined;
  const failed = (status.failedUnits ?? []).map(line);
  return {
    ...facts,
    action: actionOf(reasons, isPinned(wanted) ? [] : inhibitorReasons(status, wanted), reboot),
    reason: line(reason),
    ...(isDrift(reason) && { drift: true }),
    runs: status.system === null ? "nothing" : line(shortPath(status.system)),
    ...(!isPinned(wanted) && status.system !== wanted.outPath && { built: closures?.built ?? false }),
    ...(reasons.length > 0 && { rebootReasons: reasons.map(line) }),
    ...(closures?.diff !== undefined && { closure: closures.diff }),
    ...(units !== undefined && { units }),
    ...(failed.length > 0 && { failedUnits: failed }),
  };
}

/** Without an inhibitor a live switch is possible, and only the new kernel waits for a reboot. */
function actionOf(
  reasons: readonly string[],
  inhibitors: readonly string[],
  reboot: "allow" | "never",
): PreviewHost["action"] {
  if (reasons.length === 0) return "deploy";
  if (reboot === "allow") return "reboot";
  return inhibitors.length > 0 ? "stage" : "deploy";
}
