/**
 * Creations that were done while their answer was lost: the vendor has the object, the state has nothing, and the next run would meet a
 * name that is taken. A preview says what the program would create; what exists of it, and is this stack's by name and labels,
 * is imported. What else the next `up` finds different it changes, as after any import.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as z from "zod";
import { nameOfUrn } from "../../lib/urn.ts";
import { type Exported, type Properties, stackOption } from "./deployment.ts";
import { find } from "./finders.ts";
import type { Vendors } from "./vendors.ts";

/** What `pulumi preview --json` says of a step, as far as it matters here. */
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

/** What `pulumi preview --import-file` writes: names stand for URNs of parents and providers. */
const importFile = z.looseObject({
  nameTable: z.record(z.string(), z.string()).default({}),
  resources: z
    .array(z.looseObject({ type: z.string(), name: z.string(), component: z.boolean().optional() }))
    .default([]),
});
export type ImportFile = z.infer<typeof importFile>;

/** A resource that the program would create. */
export interface Wanted {
  readonly urn: string;
  readonly name: string;
  readonly type: string;
  readonly inputs: Properties;
  readonly provider: Properties;
}

/**
 * Settings of a provider: of its own resource, which the preview shows where it changes and the state has else; without one the stack's
 * configuration of the package.
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
  // Of a provider that is about to be made a preview may not show all.
  return { ...Object.fromEntries(configured), ...own };
}

/** What a preview would create anew; replacements have their object in the state. */
export function wantedCreations(preview: Previewed, exported: Exported): Wanted[] {
  return preview.steps.flatMap(({ op, urn, newState }) =>
    op === "create" && newState?.custom
      ? [
          {
            ...{ urn, name: nameOfUrn(urn), type: newState.type, inputs: newState.inputs },
            provider: providerOf(preview, exported, newState.provider, newState.type),
          },
        ]
      : [],
  );
}

/** The import file for those that were found, by type and name -> id. Components are there already, or come with the next run. */
export function importOf(file: ImportFile, found: ReadonlyMap<string, string>): ImportFile {
  const resources = file.resources.flatMap((resource) => {
    const id = resource.component ? undefined : found.get(`${resource.type} ${resource.name}`);
    return id === undefined ? [] : [{ ...resource, id }];
  });
  return { ...file, resources };
}

export interface Surroundings {
  readonly vendors: Vendors;
  /** For files that go again. */
  readonly scratch: string;
  readonly say: (line: string) => void;
  /** Runs the CLI; its standard output, or undefined when it failed, which it has told. */
  readonly pulumi: (args: readonly string[]) => string | undefined;
}

const imported = [
  "--yes",
  "--skip-preview",
  "--generate-code=false",
  "--protect=false",
  "--suppress-outputs",
];

/** Takes over what exists of what the program would create. False: something failed, and the state is as it was. */
export async function recoverLost(
  { vendors, scratch, say, pulumi }: Surroundings,
  options: readonly string[],
): Promise<boolean> {
  say("looking for what earlier runs made without getting the answer (a preview)");
  const skeleton = path.join(scratch, "creations.json");
  const text = pulumi(["preview", "--json", "--import-file", skeleton, ...options]);
  if (text === undefined) return false;
  const preview = previewed.parse(JSON.parse(text.slice(text.indexOf("{"))));
  const state = pulumi(["stack", "export", ...stackOption(options)]);
  if (state === undefined) return false;
  const exported = JSON.parse(state) as Exported;
  const found = new Map<string, string>();
  let removed = 0;
  for (const wanted of wantedCreations(preview, exported)) {
    const { urn, type, inputs } = wanted;
    const finding = await find(vendors, wanted.provider, { urn, type, inputs }).catch((error: unknown) => {
      const { message, cause } = error as Error;
      throw new Error(`${wanted.name}: ${message}${cause === undefined ? "" : ` (${String(cause)})`}`);
    });
    if (finding.kind === "absent") continue;
    if (finding.kind === "removed") removed += 1;
    else found.set(`${wanted.type} ${wanted.name}`, finding.id);
    say(
      `  ${wanted.name}: ${finding.kind === "found" ? `taking over ${finding.id}` : `removed ${finding.what}`}`,
    );
  }
  if (found.size === 0) {
    if (removed === 0) say("nothing of what the program would create exists at the vendors");
    return true;
  }
  const file = path.join(scratch, "import.json");
  const whole = importFile.parse(JSON.parse(readFileSync(skeleton, "utf8")));
  writeFileSync(file, JSON.stringify(importOf(whole, found)), { mode: 0o600 });
  return pulumi(["import", "--file", file, ...imported, ...options]) !== undefined;
}
