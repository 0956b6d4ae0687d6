/** What a preview says of a host that would change; short, as it stands in a pull request's comment. */
import type { Target } from "./evaluate.ts";
import type { Probe } from "./probe.ts";
import type { SupervisorStatus } from "./supervisor.ts";
import { whyDeploy } from "./token.ts";

/** Units named per line before the rest is only counted. */
const namedUnits = 8;

/** `nixos-system-web-25.11` of a store path. */
export const nameOf = (path: string | null | undefined): string =>
  path?.replace(/^\/nix\/store\/[0-9a-z]{32}-/, "") ?? "?";

/** `1a2b3c4 nixos-system-web-25.11`: two builds of one version differ in the first part. */
const short = (path: string | null): string =>
  path === null
    ? "nothing"
    : `${/^\/nix\/store\/([0-9a-z]{7})/.exec(path)?.[1] ?? ""} ${nameOf(path)}`.trim();

/** Why the running machine would have to reboot for the target; empty when it need not. */
export function rebootReasons(status: SupervisorStatus, target: Target): string[] {
  const reasons: string[] = [];
  if (status.kernel != null && status.kernel !== target.kernel) {
    reasons.push(`kernel ${nameOf(parent(status.kernel))} -> ${nameOf(parent(target.kernel))}`);
  }
  // As NixOS judges: only what both systems name can differ.
  for (const [name, old] of Object.entries(status.inhibitors ?? {})) {
    const wanted = target.inhibitors[name];
    if (wanted !== undefined && wanted !== old)
      reasons.push(`${name} ${nameOf(String(old))} -> ${nameOf(wanted)}`);
  }
  return reasons;
}

const parent = (path: string): string => path.slice(0, path.lastIndexOf("/"));

export interface UnitChanges {
  readonly changed: string[];
  readonly added: string[];
  readonly removed: string[];
}

/** NixOS makes each of its own units a store path of this name; other links are systemd's and packages'. */
const ownUnit = /-unit-[^/]+\/[^/]+$/;

/** Units that differ, of those that the system itself declares. */
export function unitChanges(
  links: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): UnitChanges {
  const now = Object.fromEntries(
    Object.entries(links).filter(([name, to]) => name in wanted || ownUnit.test(to)),
  );
  const names = [...new Set([...Object.keys(now), ...Object.keys(wanted)])].sort();
  return {
    changed: names.filter((name) => name in now && name in wanted && now[name] !== wanted[name]),
    added: names.filter((name) => !(name in now)),
    removed: names.filter((name) => !(name in wanted)),
  };
}

/** The lines for one host, or undefined when nothing would happen to it. */
export function previewText(host: string, target: Target, probe: Probe): string | undefined {
  const why = whyDeploy(target.outPath, probe);
  if (why === undefined) return undefined;
  const lines = [`${host}: ${why}`];
  if (!probe.reached) {
    lines.push(`  wanted  ${short(target.outPath)}`);
    if (probe.hint !== undefined) lines.push(`  hint    ${probe.hint}`);
    return lines.join("\n");
  }
  const { status } = probe;
  if (status.system !== target.outPath) {
    lines.push(`  runs    ${short(status.system)}`, `  wanted  ${short(target.outPath)} (not built)`);
    if (status.units != null) lines.push(...unitLines(unitChanges(status.units, target.units)));
  } else {
    lines.push(`  runs    ${short(status.system)}`);
  }
  if (status.profile !== status.system) lines.push(`  profile ${short(status.profile)}`);
  if (status.bootDefault !== null && status.bootDefault !== status.system) {
    lines.push(`  boots   ${short(status.bootDefault)}`);
  }
  const reasons = rebootReasons(status, target);
  if (reasons.length > 0) lines.push(`  reboot  needed: ${reasons.join(", ")}`);
  const failed = status.failedUnits ?? [];
  if (failed.length > 0) lines.push(`  failed  ${listed(failed)} (now)`);
  if (status.last?.reason != null && status.last.outcome !== "confirmed") {
    lines.push(
      `  last    ${status.last.outcome} at ${status.last.step}: ${status.last.reason.trim().split("\n").at(-1)}`,
    );
  }
  return lines.join("\n");
}

function unitLines({ changed, added, removed }: UnitChanges): string[] {
  const parts = [
    ["~", changed],
    ["+", added],
    ["-", removed],
  ] as const;
  return parts
    .filter(([, units]) => units.length > 0)
    .map(([sign, units]) => `  units ${sign} ${listed(units)}`);
}

const listed = (names: readonly string[]): string =>
  names.slice(0, namedUnits).join(", ") +
  (names.length > namedUnits ? ` and ${names.length - namedUnits} more` : "");
