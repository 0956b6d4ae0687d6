/** `pantheros diff` as text. */
import type { ClosureDiff } from "../../deployer/closures/diff.ts";
import type { UnitChanges } from "../../deployer/closures/units.ts";
import { bytesText } from "../../lib/bytes-text.ts";
import { firstNames } from "../../lib/names.ts";
import { oneLine } from "../../lib/sanitize.ts";
import { nameInStorePath, shortHash } from "../../lib/store-path.ts";

/** The answer of `diff --json`. Within one version fields are only added. */
export interface SystemDiff {
  readonly schemaVersion: 1;
  readonly host: string;
  readonly from: { readonly name: string; readonly path: string };
  readonly to: { readonly name: string; readonly path: string };
  /** Absent when the systems are the same. */
  readonly closure?: ClosureDiff;
  /** Absent when the units of one of the systems could not be read. */
  readonly units?: UnitChanges;
}

const signed = (bytes: number): string => (bytes < 0 ? bytesText(bytes) : `+${bytesText(bytes)}`);

const each = (sign: string, names: readonly string[]): string[] =>
  names.map((name) => `  ${sign} ${oneLine(name)}`);

function unitLines({ changed, added, removed }: UnitChanges): string[] {
  const lines = [...each("~", changed), ...each("+", added), ...each("-", removed)];
  return lines.length === 0 ? ["units: the same"] : ["units:", ...lines];
}

function packageLines({ changed, added, removed, rebuilt }: ClosureDiff): string[] {
  const lines = [...each("~", changed), ...each("+", added), ...each("-", removed)];
  return [
    ...(lines.length === 0 ? ["packages: no version differs"] : ["packages:", ...lines]),
    ...(rebuilt.length === 0 ? [] : [`rebuilt in the same version: ${oneLine(firstNames(rebuilt), 1000)}`]),
  ];
}

/** Systems, sizes, packages and units, with a newline at the end. */
export function diffText({ host, from, to, closure, units }: SystemDiff): string {
  const system = ({ name, path }: SystemDiff["from"]) =>
    `${name} ${shortHash(path)} (${oneLine(nameInStorePath(path))})`;
  if (closure === undefined) {
    const others =
      from.name === "running" ? `; diff ${host} previous running compares with the one before` : "";
    return `${host}: ${from.name} and ${to.name} are the same system, ${shortHash(to.path)}${others}\n`;
  }
  const paths = closure.freshPaths === 1 ? "1 new path" : `${closure.freshPaths} new paths`;
  return [
    `${host}: ${system(from)} -> ${system(to)}`,
    `closure: ${bytesText(closure.before)} -> ${bytesText(closure.after)} (${signed(closure.after - closure.before)}); ${paths}, ${bytesText(closure.fresh)}`,
    ...packageLines(closure),
    ...(units === undefined ? ["units: could not be read"] : unitLines(units)),
    "",
  ].join("\n");
}
