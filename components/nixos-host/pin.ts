/** Pinned hosts: rolled back on purpose, they stay at a system they ran before, whatever the flake says. */
import type { Target } from "../../deployer/evaluation/target.ts";
import type { Probe } from "../../deployer/probe.ts";
import { storeName } from "./preview/host.ts";
import { deployReason } from "./token.ts";

/** The system is on the host already, so it is not evaluated, built or copied. */
export interface Pinned {
  readonly outPath: string;
  readonly pinned: true;
}

/** The system that a host should run. */
export type Wanted = Target | Pinned;

export const isPinned = (wanted: Wanted): wanted is Pinned => "pinned" in wanted;

/** The target for installing a pinned host: a new machine cannot have the pinned system, so the build fails. */
export const pinnedInstallTarget = ({ outPath }: Pinned): Target => ({
  drvPath: outPath,
  outPath,
  system: "",
  kernel: "",
  inhibitors: {},
  units: {},
});

/** The preview's lines for a pinned host; undefined when it would not change. */
export function pinnedHostText(host: string, { outPath }: Pinned, probe: Probe): string | undefined {
  const why = deployReason(outPath, probe);
  if (why === undefined) return undefined;
  const lines = [
    `${host}: pinned to ${storeName(outPath)} by pantheros:pins (rolled back on purpose): ${why}`,
  ];
  if (probe.reached) lines.push(`  runs    ${probe.status.system ?? "nothing"}`);
  lines.push(`  pinned  ${outPath}`);
  if (!probe.reached && probe.hint !== undefined) lines.push(`  hint    ${probe.hint}`);
  return lines.join("\n");
}
