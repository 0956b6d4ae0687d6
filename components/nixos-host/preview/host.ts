/** The preview of a host that would change; short, because it is part of a pull request's comment. */

import type { ClosureComparison, ClosureDiff } from "../../../deployer/closures/diff.ts";
import { type UnitChanges, unitChanges } from "../../../deployer/closures/units.ts";
import type { EvaluationFailure, Target } from "../../../deployer/evaluation/target.ts";
import type { Probe } from "../../../deployer/probe.ts";
import type { SupervisorStatus } from "../../../deployer/protocol/supervisor.ts";
import { bytesText } from "../../../lib/bytes-text.ts";
import { firstNames } from "../../../lib/names.ts";
import { lastLine, oneLine, quoted } from "../../../lib/sanitize.ts";
import { nameInStorePath } from "../../../lib/store-path.ts";
import { deployReason } from "../token.ts";
import type { Line } from "./fold.ts";

/** Units or packages named per line; the rest is counted. */
const MAX_NAMES = 8;

/** The name in a store path, such as `nixos-system-web-25.11`. */
export const storeName = (path: string | null | undefined): string =>
  path == null ? "?" : nameInStorePath(path);

/** `1a2b3c4 nixos-system-web-25.11`: two builds of one version differ in the hash. */
export const shortPath = (path: string | null): string =>
  path === null
    ? "nothing"
    : `${/^\/nix\/store\/([0-9a-z]{7})/.exec(path)?.[1] ?? ""} ${storeName(path)}`.trim();

/** Why the host has to reboot for the target; empty when it does not. */
export function rebootReasons(status: SupervisorStatus, target: Target): string[] {
  const reasons: string[] = [];
  // The booted kernel runs; a host that was never managed reports only its system's kernel.
  const kernel = status.bootedKernel ?? status.kernel;
  if (kernel != null && kernel !== target.kernel) {
    reasons.push(`kernel ${storeName(parent(kernel))} -> ${storeName(parent(target.kernel))}`);
  }
  return [...reasons, ...inhibitorReasons(status, target)];
}

/** Why a live switch is impossible; empty when it is possible. */
export function inhibitorReasons(status: SupervisorStatus, target: Target): string[] {
  const reasons: string[] = [];
  // Like NixOS: only inhibitors that both systems name are compared.
  for (const [name, old] of Object.entries(status.inhibitors ?? {})) {
    const wanted = Object.hasOwn(target.inhibitors, name) ? target.inhibitors[name] : undefined;
    if (wanted !== undefined && wanted !== old)
      reasons.push(`${name} ${storeName(old)} -> ${storeName(wanted)}`);
  }
  return reasons;
}

/** Without an inhibitor a live switch is possible, and only the new kernel waits for a reboot. */
function rebootLine(status: SupervisorStatus, target: Target, reboot: "allow" | "never"): string | undefined {
  const reasons = rebootReasons(status, target).join(", ");
  if (reasons === "") return undefined;
  if (reboot === "allow") return `  reboot  needed, up reboots the host: ${reasons}`;
  return inhibitorReasons(status, target).length > 0
    ? `  reboot  needed but not allowed, up stages the system for the next reboot: ${reasons}`
    : `  reboot  needed for the kernel only but not allowed, the kernel waits for the next reboot: ${reasons}`;
}

const parent = (path: string): string => path.slice(0, path.lastIndexOf("/"));

export interface PreviewArgs {
  readonly host: string;
  readonly target: Target;
  readonly probe: Probe;
  readonly reboot?: "allow" | "never";
  /** Comparison of the running and the wanted closure, once it was made. */
  readonly closures?: ClosureComparison | undefined;
}

/** The lines for one host; none when it would not change. */
export function previewLines(args: PreviewArgs): Line[] {
  const { host, target, probe, reboot = "never", closures = { built: false } } = args;
  const reason = deployReason(target.outPath, probe);
  if (reason === undefined) return [];
  const lines: Line[] = [{ rank: 0, text: `${host}: ${reason}` }];
  const add = (rank: number, text: string | undefined) => {
    if (text !== undefined) lines.push({ rank, text });
  };
  if (!probe.reached) {
    add(1, `  wanted  ${shortPath(target.outPath)}`);
    add(2, probe.hint === undefined ? undefined : `  hint    ${probe.hint}`);
    return lines;
  }
  const { status } = probe;
  add(6, `  runs    ${shortPath(status.system)}`);
  if (status.system !== target.outPath) {
    add(1, `  wanted  ${shortPath(target.outPath)}${closures.built ? "" : " (not built)"}`);
    if (status.units != null) add(3, unitLine(unitChanges(status.units, target.units)));
    if (closures.diff !== undefined) for (const line of diffLines(closures.diff)) lines.push(line);
  }
  if (status.profile !== status.system) add(7, `  profile ${shortPath(status.profile)}`);
  if (status.bootDefault !== null && status.bootDefault !== status.system) {
    add(7, `  boots   ${shortPath(status.bootDefault)}`);
  }
  add(2, rebootLine(status, target, reboot));
  const failed = status.failedUnits ?? [];
  if (failed.length > 0) add(5, `  failed  ${listed(failed)} (now)`);
  if (status.last?.reason != null && status.last.outcome !== "confirmed") {
    add(5, `  last    ${status.last.outcome} at ${status.last.step}: ${lastLine(status.last.reason)}`);
  }
  return lines;
}

/** Why a host can't be evaluated, on one line. */
export const notEvaluatedText = (host: string, { reason, hint, command }: EvaluationFailure): string =>
  `${host} can't be evaluated, so it is not touched: ${oneLine(reason, 600)}; ${hint}; command: ${command}`;

/** The lines for a host that can't be evaluated. */
export const notEvaluatedLines = (host: string, { reason, hint }: EvaluationFailure): Line[] => [
  { rank: 0, text: `${host}: can't be evaluated` },
  ...quoted(reason, "  ")
    .split("\n")
    .map((text) => ({ rank: 1, text })),
  { rank: 2, text: `  hint    ${hint}` },
];

/** ` ~ changed, changed + added - removed`. */
function signedNames(...parts: readonly (readonly [sign: string, names: readonly string[]])[]): string {
  return parts
    .filter(([, names]) => names.length > 0)
    .map(([sign, names]) => `${sign} ${listed(names)}`)
    .join("  ");
}

function unitLine({ changed, added, removed }: UnitChanges): string | undefined {
  const text = signedNames(["~", changed], ["+", added], ["-", removed]);
  return text === "" ? undefined : `  units   ${text}`;
}

function diffLines(diff: ClosureDiff): Line[] {
  const { before, after, fresh, freshPaths, changed, added, removed, rebuilt } = diff;
  const grown = `${after < before ? "" : "+"}${bytesText(after - before)}`;
  const packages = signedNames(["~", changed], ["+", added], ["-", removed]);
  const size = `${bytesText(before)} -> ${bytesText(after)} (${grown})`;
  return [
    { rank: 4, text: `  size    ${size}; new ${bytesText(fresh)} in ${freshPaths} paths` },
    ...(packages === "" ? [] : [{ rank: 3, text: `  package ${packages}` }]),
    ...(rebuilt.length === 0 ? [] : [{ rank: 8, text: `  rebuilt ${listed(rebuilt)}` }]),
  ];
}

const listed = (names: readonly string[]): string => firstNames(names, MAX_NAMES);
