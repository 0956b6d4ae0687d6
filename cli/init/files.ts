/** The files that `pantheros init` writes: the inventory, the stack's file, and references for `op run`. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { parseDocument } from "yaml";
import { messageOf } from "../../lib/message-of.ts";
import type { Answers } from "./answers.ts";

/** A file as it shall be. */
export interface PlannedFile {
  readonly path: string;
  readonly text: string;
  /** `kept`: an existing file is never touched, because it has its owner's own text. */
  readonly state: "new" | "changed" | "unchanged" | "kept";
}

/** @param keep an existing file stays as it is */
export function plannedFile(file: string, text: string, keep = false): PlannedFile {
  if (!existsSync(file)) return { path: file, text, state: "new" };
  if (keep) return { path: file, text, state: "kept" };
  return { path: file, text, state: readFileSync(file, "utf8") === text ? "unchanged" : "changed" };
}

/**
 * The stack's file with its environment. Other keys of an existing file, comments included, stay.
 * @param fleet path of the inventory when it is not the default
 * @throws Error when the existing file is not YAML
 */
export function stackText(
  before: string | undefined,
  file: string,
  environment: string,
  fleet?: string,
): string {
  const document = parseDocument(before ?? "config: {}\n");
  const [error] = document.errors;
  if (error !== undefined) throw new Error(`${file}: ${messageOf(error)}`);
  const set = (key: string, value: string) => {
    if (document.getIn(["config", key]) !== value) document.setIn(["config", key], value);
  };
  set("pantheros:environment", environment);
  if (fleet !== undefined) set("pantheros:fleet", fleet);
  return document.toString({ lineWidth: 0 });
}

/** Values of tools/production.env.example that differ for a fleet. */
export function environmentText(
  example: string,
  { stack, vault, tailnet, region, bucketPrefix }: Answers,
): string {
  const replaced = example
    .replaceAll("op://pantherOS/", `op://${vault}/`)
    .replaceAll("production", stack)
    .replaceAll("/home/you", homedir())
    .replaceAll("eu-central-003", region ?? "eu-central-003")
    .replaceAll("example-pulumi-state", `${bucketPrefix}-pulumi-state`);
  if (tailnet === undefined) return replaced.replace(/^(TAILSCALE_\w+=)/gm, "# $1");
  return replaced.replace('TAILSCALE_TAILNET="example.test"', `TAILSCALE_TAILNET="${tailnet.name}"`);
}

/** Writes a file whole: a reader or an interruption finds the old text or the new. */
export function writeFile({ path: file, text }: Pick<PlannedFile, "path" | "text">): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const part = `${file}.part-${process.pid}`;
  writeFileSync(part, text);
  renameSync(part, file);
}
