/** The resources in a stack's state. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import * as z from "zod";
import { CannotCheck } from "../../lib/check.ts";
import { messageOf } from "../../lib/message-of.ts";
import { projectName } from "../stack/config.ts";
import type { StackName } from "../stack/name.ts";
import { backendDirectory } from "../stack/outputs.ts";
import { pulumiQuery } from "../stack/pulumi.ts";

const resource = z.object({ urn: z.string(), type: z.string(), id: z.string().optional() });
export type StackResource = z.infer<typeof resource>;

const deployment = z.object({ resources: z.array(resource).nullish() }).nullish();
const checkpoint = z.object({ checkpoint: z.object({ latest: deployment }) });
const exported = z.object({ deployment });

/** The state's file in a backend of files; undefined when there is none. */
function stateText(directory: string, project: string, stack: string): string | undefined {
  const file = path.join(directory, ".pulumi/stacks", project, `${stack}.json`);
  if (existsSync(file)) return readFileSync(file, "utf8");
  return existsSync(`${file}.gz`) ? gunzipSync(readFileSync(`${file}.gz`)).toString("utf8") : undefined;
}

/**
 * The resources of a stack; none when it was never created.
 * @throws CannotCheck when the state cannot be read
 */
export async function stackResources(
  stack: StackName,
  root: string,
  backend: string | undefined,
): Promise<readonly StackResource[]> {
  const directory = backendDirectory(backend);
  try {
    if (directory !== undefined) {
      const text = stateText(directory, projectName(root), stack.short);
      return text === undefined
        ? []
        : (checkpoint.parse(JSON.parse(text)).checkpoint.latest?.resources ?? []);
    }
    const text = await pulumiQuery(["stack", "export", "--stack", stack.full]);
    return exported.parse(JSON.parse(text)).deployment?.resources ?? [];
  } catch (error) {
    if (/no stack named/.test(messageOf(error))) return [];
    throw new CannotCheck(`the stack's state cannot be read: ${messageOf(error)}`);
  }
}
