/**
 * Objects whose creation succeeded but whose answer was lost: the vendor has the object, the state does not, and the next run
 * would fail because the name is taken. A preview lists what the program would create; what exists of it, and belongs to this
 * stack by name and labels, is imported. The next `up` corrects their other properties, as after any import.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as z from "zod";
import { nameOfUrn } from "../../lib/urn.ts";
import { type Exported, type Properties, stackOption } from "./deployment.ts";
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
          .object({
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
    .array(z.looseObject({ type: z.string(), name: z.string(), component: z.boolean().optional() }))
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

/** Imports what exists of what the program would create. False: a command failed, and the state was not changed. */
export async function importUnrecorded(
  { vendors, scratch, print, pulumi }: RecoveryContext,
  options: readonly string[],
): Promise<boolean> {
  print("looking for objects of earlier runs that the state does not have (runs a preview)");
  const skeleton = path.join(scratch, "creations.json");
  const text = await pulumi(["preview", "--json", "--import-file", skeleton, ...options]);
  if (text === undefined) return false;
  const preview = previewed.parse(JSON.parse(text.slice(text.indexOf("{"))));
  const state = await pulumi(["stack", "export", ...stackOption(options)]);
  if (state === undefined) return false;
  const exported = JSON.parse(state) as Exported;
  const found = new Map<string, string>();
  let removed = 0;
  for (const { urn, name, type, inputs, provider } of creationsIn(preview, exported)) {
    const finding = await find(vendors, provider, { urn, type, inputs }).catch((error: unknown) => {
      const { message, cause } = error as Error;
      throw new Error(`${name}: ${message}${cause === undefined ? "" : ` (${String(cause)})`}`);
    });
    if (finding.kind === "absent") continue;
    if (finding.kind === "removed") removed += 1;
    else found.set(`${type} ${name}`, finding.id);
    print(`  ${name}: ${finding.kind === "found" ? `importing ${finding.id}` : `removed ${finding.what}`}`);
  }
  if (found.size === 0) {
    if (removed === 0) print("no object that the program would create exists at the vendors");
    return true;
  }
  const file = path.join(scratch, "import.json");
  const whole = importFile.parse(JSON.parse(readFileSync(skeleton, "utf8")));
  writeFileSync(file, JSON.stringify(importFileFor(whole, found)), { mode: 0o600 });
  return (await pulumi(["import", "--file", file, ...IMPORT_OPTIONS, ...options])) !== undefined;
}
