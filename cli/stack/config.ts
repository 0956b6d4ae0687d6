/**
 * Reads the stack's configuration from its file, because the Pulumi CLI takes 0.2 to 0.4 s to start
 * (measured).
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import * as z from "zod";
import { messageOf } from "../../lib/message-of.ts";
import { type Settings, settingsFrom } from "../../settings/settings.ts";
import type { StackName } from "./name.ts";
import { pulumiQuery } from "./pulumi.ts";

const table = z.record(z.string(), z.unknown()).nullish();
const stackFile = z
  .object({
    config: table,
    environment: z.unknown().optional(),
    encryptionsalt: z.string().optional(),
  })
  .nullish();
const projectFile = z.object({ name: z.string(), config: table });

/** Reads and checks a YAML file. @throws Error with the file and the key */
function readYaml<T>(file: string, form: z.ZodType<T>): T {
  let value: unknown;
  try {
    // With "failsafe" every scalar is a string, as in the output of the Pulumi CLI.
    value = parse(readFileSync(file, "utf8"), { schema: "failsafe" });
  } catch (error) {
    throw new Error(`${file}: ${messageOf(error)}`);
  }
  const result = form.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Error(`${file}: ${issue?.path.map(String).join(".") || "the file"}: ${issue?.message}`);
}

/** The stack's file as it is; undefined: there is none, or it is empty. @throws Error with the file and the key */
export const readStackFile = ({ file }: StackName): z.infer<typeof stackFile> =>
  existsSync(file) ? readYaml(file, stackFile) : undefined;

/** Reads a key of the stack's file with its namespace, such as `hcloud:endpoint`; undefined: missing or encrypted. */
export function storedConfig(stack: StackName): (key: string) => string | undefined {
  const config = readStackFile(stack)?.config;
  return (key) => {
    const value = config?.[key];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
}

/** Name of the project in `root`. */
export const projectName = (root: string): string =>
  readYaml(path.join(root, "Pulumi.yaml"), projectFile).name;

/**
 * A value for all stacks, written as `value: …` or directly. `default` is ignored: settings.ts has
 * the defaults.
 */
function projectValue(entry: unknown): unknown {
  if (typeof entry !== "object" || entry === null) return entry;
  return "value" in entry ? entry.value : undefined;
}

/**
 * Returns a function that reads a key of the stack's configuration, or else of the project's. The
 * CLI resolves a file that imports an environment of Pulumi ESC.
 */
async function configReader(stack: StackName, root: string): Promise<(key: string) => unknown> {
  const project = readYaml(path.join(root, "Pulumi.yaml"), projectFile);
  const given = readStackFile(stack);
  const of = (key: string) => `${project.name}:${key}`;
  if (given?.environment !== undefined) {
    const argv = ["config", "--json", "--stack", stack.full, "--config-file", stack.file];
    const answer = JSON.parse(await pulumiQuery(argv)) as Record<
      string,
      { value?: string; objectValue?: unknown }
    >;
    return (key) => answer[of(key)]?.objectValue ?? answer[of(key)]?.value;
  }
  return (key) =>
    given?.config?.[of(key)] ?? projectValue(project.config?.[key] ?? project.config?.[of(key)]);
}

/**
 * The settings of a stack.
 * @throws Error that names file and key.
 */
export async function readStackSettings(stack: StackName, root: string): Promise<Settings> {
  return settingsFrom({
    stack: stack.short,
    get: await configReader(stack, root),
    env: (name) => process.env[name],
  });
}
