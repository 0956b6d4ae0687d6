/**
 * Marks a sandbox that a rehearsal has broken, so that the next `sandbox up` repairs it after an interruption: the
 * state may have objects that the rehearsal deleted at the vendors, and a removal may be half done.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import * as z from "zod";
import { writeAtomic } from "../cli/files.ts";

const shape = z.object({
  /** The runbook's name. */
  name: z.string(),
  /** Everything is being removed; a state or machines of before may be left. */
  removing: z.boolean(),
});
export type Mark = z.infer<typeof shape>;

const markFile = (sandbox: string): string => join(sandbox, "rehearsal", "underway.json");

export function readMark(sandbox: string): Mark | undefined {
  const file = markFile(sandbox);
  return existsSync(file) ? shape.parse(JSON.parse(readFileSync(file, "utf8"))) : undefined;
}

export function writeMark(sandbox: string, mark: Mark): void {
  mkdirSync(dirname(markFile(sandbox)), { recursive: true, mode: 0o700 });
  writeAtomic(markFile(sandbox), `${JSON.stringify(mark)}\n`);
}

export const removeMark = (sandbox: string): void => rmSync(markFile(sandbox), { force: true });
