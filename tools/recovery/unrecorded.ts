/**
 * Objects whose creation succeeded but whose answer was lost: the vendor has the object, the state
 * does not, and the next run would fail because the name is taken. A preview lists what the program
 * would create. Objects of that list that exist, and belong to this stack by name and labels, are
 * imported; if an import would lose some of their properties, they are adopted. The next `up`
 * corrects the other properties, as after any import.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as z from "zod";
import { firstNames } from "../../lib/names.ts";
import { nameOfUrn } from "../../lib/urn.ts";
import { adopt, type Exported, type Properties, type StateResource, stackOption } from "./deployment.ts";
import { find } from "./finders.ts";
import type { Vendors } from "./vendors.ts";

/** The used part of the output of `pulumi preview --json`. */
const previewed = z.object({
  config: z.record(z.string(), z.unknown()).default({}),
  steps: z
    .array(
      z.object({
        op: z.string(),
        urn: z.string(),
        newState: z
          .looseObject({
            type: z.string(),
            custom: z.boolean().default(false),
            provider: z.string().optional(),
            inputs: z.record(z.string(), z.unknown()).default({}),
          })
          .optional(),
      }),
    )
    .default([]),
});
export type Previewed = z.infer<typeof previewed>;

/** The file of `pulumi preview --import-file`: `nameTable` maps names to the URNs of parents and providers. */
const importFile = z.looseObject({
  nameTable: z.record(z.string(), z.string()).default({}),
  resources: z
    .array(
      z.looseObject({
        type: z.string(),
        name: z.string(),
        component: z.boolean().optional(),
        parent: z.string().optional(),
        provider: z.string().optional(),
      }),
    )
    .default([]),
});
export type ImportFile = z.infer<typeof importFile>;

/** A resource that the program would create. */
export interface Creation {
  readonly urn: string;
  readonly name: string;
  readonly type: string;
  readonly inputs: Properties;
  readonly provider: Properties;
}

/**
 * Settings of a resource's provider: those of the provider's own resource, from the preview or else from the state, over the
 * stack's configuration of the package. For a provider that is yet to be created, the preview may omit some.
 */
function providerOf(
  preview: Previewed,
  exported: Exported,
  reference: string | undefined,
  type: string,
): Properties {
  const urn = reference?.slice(0, reference.lastIndexOf("::"));
  const isIt = (each: { readonly urn: string }) => each.urn === urn;
  const own = preview.steps.find(isIt)?.newState?.inputs ?? exported.deployment.resources?.find(isIt)?.inputs;
  const prefix = `${type.split(":")[0]}:`;
  const configured = Object.entries(preview.config)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value] as const);
  return { ...Object.fromEntries(configured), ...own };
}

/** Creations in a preview, without replacements: the object of a replaced resource is in the state. */
export function creationsIn(preview: Previewed, exported: Exported): Creation[] {
  return preview.steps.flatMap(({ op, urn, newState }) =>
    op === "create" && newState?.custom
      ? [
          {
            urn,
            name: nameOfUrn(urn),
            type: newState.type,
            inputs: newState.inputs,
            provider: providerOf(preview, exported, newState.provider, newState.type),
          },
        ]
      : [],
  );
}

/** The import file reduced to the objects in `found` (`TYPE NAME` -> id). Components have no object at a vendor. */
export function importFileFor(file: ImportFile, found: ReadonlyMap<string, string>): ImportFile {
  const resources = file.resources.flatMap((resource) => {
    const id = resource.component ? undefined : found.get(`${resource.type} ${resource.name}`);
    return id === undefined ? [] : [{ ...resource, id }];
  });
  return { ...file, resources };
}

/**
 * Names of the objects that Pulumi cannot import, because the state lacks their parent or their provider, which an import
 * does not make. A run registers these first, so they are missing after the loss of a state.
 */
const withoutParent = ({ nameTable, resources }: ImportFile): readonly string[] =>
  resources
    .filter(({ parent, provider }) =>
      [parent, provider].some((name) => name !== undefined && !Object.hasOwn(nameTable, name)),
    )
    .map(({ name }) => name);

/**
 * Types with properties that the vendor never returns, so that an import would leave them out and
 * the next `up` would set them again. For the `publicNets` of a server, the provider then powers it
 * off, unassigns its addresses and deletes them.
 * Source: updatePublicNet in internal/server/resource.go of terraform-provider-hcloud v1.68.0.
 */
const NEVER_IMPORTED = new Set(["hcloud:index/server:Server"]);

/** Text in place of a secret in the output of `pulumi preview --json`. */
const HIDDEN = "[secret]";
/**
 * Text in place of a value that is unknown before the run.
 * Source: sdk/go/common/resource/plugin/rpc.go (UnknownStringValue).
 */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const contains = (value: unknown, text: string): boolean =>
  typeof value === "object" && value !== null
    ? Object.values(value).some((part) => contains(part, text))
    : value === text;

/**
 * Adds these objects (URN -> id) to the state as the program would create them, in the same way as
 * interrupted creations. Secret inputs are left out: the only ones are user data, whose changes the
 * program ignores.
 * @throws Error when an input is unknown.
 */
export function adoptCreations(
  exported: Exported,
  preview: Previewed,
  found: ReadonlyMap<string, string>,
): Exported {
  const creations = preview.steps.flatMap(({ op, urn, newState }): StateResource[] => {
    if (op !== "create" || newState === undefined || !found.has(urn)) return [];
    const unknown = Object.keys(newState.inputs).find((key) => contains(newState.inputs[key], UNKNOWN));
    if (unknown !== undefined)
      throw new Error(`${nameOfUrn(urn)}: its ${unknown} are not known before the run`);
    const inputs = Object.entries(newState.inputs).filter(([, value]) => !contains(value, HIDDEN));
    return [{ ...newState, urn, inputs: Object.fromEntries(inputs) } as StateResource];
  });
  const { deployment } = exported;
  const pending = creations.map((resource) => ({ type: "creating", resource }));
  return adopt({ ...exported, deployment: { ...deployment, pending_operations: pending } }, found);
}

export interface RecoveryContext {
  readonly vendors: Vendors;
  /** Directory for temporary files. */
  readonly scratch: string;
  readonly print: (line: string) => void;
  /** Runs the CLI and returns its standard output; undefined: it failed, and its output was printed. */
  readonly pulumi: (args: readonly string[]) => Promise<string | undefined>;
}

const IMPORT_OPTIONS = [
  "--yes",
  "--skip-preview",
  "--generate-code=false",
  "--protect=false",
  "--suppress-outputs",
];

/** The program's steps, and the state that they start from; undefined: a command failed. */
async function readPreview(
  { pulumi }: RecoveryContext,
  options: readonly string[],
  more: readonly string[] = [],
): Promise<{ readonly preview: Previewed; readonly exported: Exported } | undefined> {
  const text = await pulumi(["preview", "--json", ...more, ...options]);
  if (text === undefined) return undefined;
  const preview = previewed.parse(JSON.parse(text.slice(text.indexOf("{"))));
  const state = await pulumi(["stack", "export", ...stackOption(options)]);
  return state === undefined ? undefined : { preview, exported: JSON.parse(state) as Exported };
}

/** Imports or adopts existing objects that the program would create. False: a command failed. */
export async function importUnrecorded(
  context: RecoveryContext,
  options: readonly string[],
): Promise<boolean> {
  const { vendors, scratch, print, pulumi } = context;
  print("looking for objects of earlier runs that the state does not have (runs a preview)");
  const skeleton = path.join(scratch, "creations.json");
  const read = await readPreview(context, options, ["--import-file", skeleton]);
  if (read === undefined) return false;
  const imported = new Map<string, string>();
  const adopted = new Map<string, string>();
  let removed = 0;
  for (const { urn, name, type, inputs, provider } of creationsIn(read.preview, read.exported)) {
    const finding = await find(vendors, provider, { urn, type, inputs }).catch((error: unknown) => {
      const { message, cause } = error as Error;
      throw new Error(`${name}: ${message}${cause === undefined ? "" : ` (${String(cause)})`}`);
    });
    if (finding.kind === "absent") continue;
    if (finding.kind === "removed") removed += 1;
    else if (NEVER_IMPORTED.has(type)) adopted.set(urn, finding.id);
    else imported.set(`${type} ${name}`, finding.id);
    const verb = NEVER_IMPORTED.has(type) ? "adopting" : "importing";
    print(`  ${name}: ${finding.kind === "found" ? `${verb} ${finding.id}` : `removed ${finding.what}`}`);
  }
  if (imported.size + adopted.size + removed === 0) {
    print("no object that the program would create exists at the vendors");
  }
  if (imported.size > 0) {
    const file = path.join(scratch, "import.json");
    const whole = importFile.parse(JSON.parse(readFileSync(skeleton, "utf8")));
    const reduced = importFileFor(whole, imported);
    const orphans = withoutParent(reduced);
    if (orphans.length > 0)
      throw new Error(
        `the state lacks what ${firstNames(orphans)} would belong to, so nothing was imported. If the state was lost, see "The state is lost" in docs/operations.md, or "Everything is lost" in docs/runbooks.md`,
      );
    writeFileSync(file, JSON.stringify(reduced), { mode: 0o600 });
    if ((await pulumi(["import", "--file", file, ...IMPORT_OPTIONS, ...options])) === undefined) return false;
  }
  if (adopted.size === 0) return true;
  // Inputs of adopted objects, such as a server's addresses, are known only after these are imported.
  const now = imported.size === 0 ? read : await readPreview(context, options);
  if (now === undefined) return false;
  const file = path.join(scratch, "adopted.json");
  writeFileSync(file, JSON.stringify(adoptCreations(now.exported, now.preview, adopted)), { mode: 0o600 });
  return (await pulumi(["stack", "import", "--file", file, ...stackOption(options)])) !== undefined;
}
