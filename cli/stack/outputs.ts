/**
 * Reads the stack's outputs. A state in files is read directly, which saves the start of the Pulumi
 * CLI; every other backend is read through the CLI. The outputs are not secret, so neither way
 * needs the passphrase.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import * as z from "zod";
import type { StackOutputs } from "../../outputs/contract.ts";
import { parseOutputs } from "../../outputs/parse.ts";
import { projectName } from "./config.ts";
import type { StackName } from "./name.ts";
import { pulumiQuery } from "./pulumi.ts";

/** A checkpoint of version 3. Source: `apitype.CheckpointV3` in the Pulumi CLI's sdk/go/common/apitype. */
const checkpoint = z.object({
  version: z.literal(3),
  checkpoint: z.object({
    latest: z
      .object({
        resources: z
          .array(z.object({ type: z.string(), outputs: z.record(z.string(), z.unknown()).optional() }))
          .nullish(),
      })
      .nullish(),
  }),
});

const STACK_TYPE = "pulumi:pulumi:Stack";

/** The directory of a file backend; undefined when only the CLI can read the backend. */
export function backendDirectory(url: string | undefined): string | undefined {
  if (url === undefined || !url.startsWith("file://")) return undefined;
  const place = url.replace(/\?.*$/, "");
  // Only the CLI resolves `file://~/state` and `file://./state`.
  return place.startsWith("file:///") ? fileURLToPath(place) : undefined;
}

/**
 * Outputs in the state's file; undefined when the file is missing or has an unknown format, so that
 * the caller asks the CLI.
 * @param directory directory of the backend
 */
export function outputsInFile(directory: string, project: string, stack: string): unknown {
  for (const suffix of [".json", ".json.gz"]) {
    const file = path.join(directory, ".pulumi/stacks", project, `${stack}${suffix}`);
    if (!existsSync(file)) continue;
    try {
      const bytes = readFileSync(file);
      const text = suffix === ".json" ? bytes : gunzipSync(bytes);
      const { latest } = checkpoint.parse(JSON.parse(text.toString("utf8"))).checkpoint;
      return latest?.resources?.find(({ type }) => type === STACK_TYPE)?.outputs ?? {};
    } catch {
      return undefined;
    }
  }
  return undefined;
}

/**
 * The outputs of a stack; undefined when it was never deployed.
 * @throws Error when the backend does not answer, or the outputs do not match outputs/contract.ts.
 */
export async function readOutputs(stack: StackName, root: string): Promise<StackOutputs | undefined> {
  const directory = backendDirectory(process.env["PULUMI_BACKEND_URL"]);
  const found =
    (directory === undefined ? undefined : outputsInFile(directory, projectName(root), stack.short)) ??
    JSON.parse(await pulumiQuery(["stack", "output", "--json", "--stack", stack.full]));
  return Object.keys(found as object).length === 0 ? undefined : parseOutputs(stack.full, found);
}
