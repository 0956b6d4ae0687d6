/** Loads the parts of a provider's folder when they are needed, so that a run loads only those of its hosts. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AdoptingProvider, PreflightAnswer, ServerProvider } from "../components/provider.ts";
import type { ServerAt } from "../deployer/install/context.ts";
import type { Plan } from "../inventory/plan.ts";
import { providerFolder } from "../inventory/providers.ts";
import type { ResourceKind } from "../policy/pack/resource.ts";
import type { ProviderFinders } from "../tools/recovery/finder.ts";
import type { OpenCatalogue } from "./catalogue.ts";
import type { ProviderChecks } from "./doctor.ts";

/** Name of a file -> what it exports under that name. */
interface Parts {
  /** Reads the stack's servers from the vendor while Nix evaluates. Must not load Pulumi's SDK. Never throws. */
  readonly preflight: (plan: Plan, stack: string) => Promise<PreflightAnswer>;
  /** Resources of created machines. */
  readonly servers: ServerProvider;
  /** Resources of adopted machines. */
  readonly machines: AdoptingProvider;
  /** The vendor's side of an installation. Must not load Pulumi's SDK. */
  readonly install: ServerAt;
  /** Finds objects that a killed run has created. */
  readonly recovery: ProviderFinders;
  /** Types of servers, locations and prices. */
  readonly catalogue: OpenCatalogue;
  /** Checks of the account before a first run. Must not load Pulumi's SDK. */
  readonly doctor: ProviderChecks;
  /** What the rules of policy/ look at in its resources. Must not load Pulumi's SDK. */
  readonly policy: readonly ResourceKind[];
}

/** @throws Error when the folder lacks the file, or the file the export */
export async function loadPart<Name extends keyof Parts>(kind: string, name: Name): Promise<Parts[Name]> {
  const file = join(providerFolder(kind), `${name}.ts`);
  const part = ((await import(pathToFileURL(file).href)) as Partial<Parts>)[name];
  if (part === undefined) throw new Error(`${file}: no export \`${name}\``);
  return part;
}

/** `loadPart`, or undefined when the provider does without that part. */
export async function loadPartIfAny<Name extends keyof Parts>(
  kind: string,
  name: Name,
): Promise<Parts[Name] | undefined> {
  return existsSync(join(providerFolder(kind), `${name}.ts`)) ? loadPart(kind, name) : undefined;
}
