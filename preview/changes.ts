/** The engine's steps -> changes of resources at vendors. */
import { nameOfUrn } from "../lib/urn.ts";
import type { Change, ChangedField, OPERATIONS } from "./document.ts";
import type { ResourceState, Step } from "./engine.ts";
import { hasSecret, hasUnknown, SECRET, scalars, shown, shownBoth, valueAt } from "./values.ts";

type Operation = (typeof OPERATIONS)[number];

/** Operations of the engine that change something. Source: pulumi/pulumi, pkg/resource/deploy/step.go. */
const OPERATION_OF: Readonly<Record<string, Operation>> = {
  create: "create",
  update: "update",
  replace: "replace",
  "create-replacement": "replace",
  delete: "delete",
  import: "import",
  "import-replacement": "import",
  forget: "forget",
};

const operationOf = ({ op }: Step): Operation | undefined => OPERATION_OF[op];

/** Commands of the program: their inputs are specs and tokens, which say nothing to a reader. */
const isCommand = (type: string): boolean => type.startsWith("command:");
/** Deploys, installs and what belongs to them: the table of hosts has them. */
const isHostCommand = ({ urn }: Step): boolean =>
  /-(deploy|install)$|^(verdict|prefetch)$/.test(nameOfUrn(urn));
/** Groups and providers are no objects anywhere. */
const isInternal = (type: string): boolean => /^(pantheros|pulumi):/.test(type);

const typeOf = ({ oldState, newState }: Step): string => newState?.type ?? oldState?.type ?? "";

/** `hcloud:index/server:Server` -> `hcloud:Server`. */
const shortType = (type: string): string => {
  const [pkg = "", , name = ""] = type.split(":");
  return name === "" ? type : `${pkg}:${name}`;
};

/** A plain text that is shorter than this may be a common word, and is hidden only in its own field. */
const MIN_HIDDEN = 6;

/**
 * Values that were plain and become secret, and secret ones that become plain: they are removed
 * from every text of the document. Source: pulumi/pulumi#9330.
 */
export function hiddenValues(steps: readonly Step[]): string[] {
  const found = steps.flatMap(({ oldState, newState }) => [
    ...becomeSecret(oldState?.inputs, newState?.inputs),
    ...becomeSecret(oldState?.outputs, newState?.outputs),
    ...becomeSecret(newState?.inputs, oldState?.inputs),
    ...becomeSecret(newState?.outputs, oldState?.outputs),
    // A secret input is often a plain output of the same name.
    ...becomeSecret(oldState?.outputs, newState?.inputs),
  ]);
  return [...new Set(found)].filter((text) => text.length >= MIN_HIDDEN && text !== SECRET);
}

function becomeSecret(plain: unknown, secret: unknown): string[] {
  if (secret === SECRET) return hasSecret(plain) ? [] : scalars(plain);
  if (secret === null || typeof secret !== "object" || plain === null || typeof plain !== "object") return [];
  return Object.entries(secret).flatMap(([key, part]) =>
    Object.hasOwn(plain, key) ? becomeSecret((plain as Record<string, unknown>)[key], part) : [],
  );
}

/** Resources that this preview makes: a value that depends on one is known after it. */
const madeIn = (steps: readonly Step[]): ReadonlySet<string> =>
  new Set(
    steps.flatMap((step) => (["create", "replace"].includes(operationOf(step) ?? "") ? [step.urn] : [])),
  );

function knownAfter(state: ResourceState, path: string, made: ReadonlySet<string>): string {
  const [top = ""] = path.split(/[.[]/);
  const sources = [...(state.propertyDependencies?.[top] ?? [])].sort();
  const source = sources.find((urn) => made.has(urn)) ?? sources[0];
  return source === undefined ? "?" : nameOfUrn(source);
}

function fieldOf(step: Step, path: string, kind: string, made: ReadonlySet<string>): ChangedField {
  const { oldState, newState } = step;
  const before = valueAt(oldState?.inputs, path) ?? valueAt(oldState?.outputs, path);
  const after = valueAt(newState?.inputs, path);
  const [base = "update"] = kind.split("-");
  const field: ChangedField = {
    path,
    kind: base === "add" || base === "delete" ? base : "update",
    ...(kind.endsWith("-replace") && { replaces: true }),
  };
  // The value from before the field became secret is as secret as the one after.
  const secret = [before, after, valueAt(oldState?.outputs, path)].some(hasSecret);
  if (secret) {
    return {
      ...field,
      ...(before !== undefined && { before: SECRET }),
      ...(after !== undefined && { after: SECRET }),
    };
  }
  const isKnown = after !== undefined && !hasUnknown(after);
  const [from, to] =
    before !== undefined && isKnown ? shownBoth(before, after) : [shown(before ?? ""), shown(after ?? "")];
  return {
    ...field,
    ...(before !== undefined && { before: from }),
    ...(isKnown && { after: to }),
    ...(newState != null && hasUnknown(after) && { knownAfter: knownAfter(newState, path, made) }),
  };
}

function fieldsOf(step: Step, op: Operation, made: ReadonlySet<string>): ChangedField[] {
  if (isCommand(typeOf(step))) return [];
  const diff =
    op === "create"
      ? Object.keys(step.newState?.inputs ?? {}).map((path) => [path, "add"] as const)
      : Object.entries(step.detailedDiff ?? {}).map(([path, { kind }]) => [path, kind] as const);
  return diff
    .filter(([path]) => !path.startsWith("__"))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, kind]) => fieldOf(step, path, kind, made));
}

/** Changes by name of the resource. A replacement is one change. */
export function changesOf(steps: readonly Step[]): Change[] {
  const made = madeIn(steps);
  const byUrn = new Map<string, Change>();
  for (const step of steps) {
    const op = operationOf(step);
    const type = typeOf(step);
    if (op === undefined || isInternal(type) || isHostCommand(step)) continue;
    const known = byUrn.get(step.urn);
    if (known !== undefined && known.op === "replace") continue;
    const fields = fieldsOf(step, op, made);
    byUrn.set(step.urn, {
      op,
      type: shortType(type),
      name: nameOfUrn(step.urn),
      ...(step.oldState?.protect === true && { protected: true }),
      ...(fields.length > 0 && { fields }),
    });
  }
  return [...byUrn.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change);
}

/** Operations on the commands of each host: its deploy, and the installation of its machine. */
export interface HostOperations {
  readonly deploy?: Operation;
  readonly install?: Operation;
}

/** Host -> what the run does with its commands; hosts whose commands stay are absent. */
export function hostOperations(steps: readonly Step[]): ReadonlyMap<string, HostOperations> {
  const found = new Map<string, HostOperations>();
  for (const step of steps) {
    const op = operationOf(step);
    const [, host, command] = /^(.*)-(deploy|install)$/.exec(nameOfUrn(step.urn)) ?? [];
    if (op === undefined || host === undefined || !isCommand(typeOf(step))) continue;
    found.set(host, { ...found.get(host), [command as "deploy" | "install"]: op });
  }
  return found;
}
