/**
 * What the program adds to `preview.json` (preview/document.ts). It is written at each addition, so
 * that it is there too when the run ends early. `tools/pantheros preview --write` sets the file.
 */
import { writeFileSync } from "node:fs";
import type { ProgramPart } from "../preview/document.ts";
import { PREVIEW_PART_VARIABLE } from "../preview/variables.ts";

let part: ProgramPart = {};

/** Adds to the part, or replaces what it has under the same keys. */
export function addToPreview(more: ProgramPart, env: NodeJS.ProcessEnv = process.env): void {
  part = { ...part, ...more };
  const file = env[PREVIEW_PART_VARIABLE];
  if (file) writeFileSync(file, JSON.stringify(part), { mode: 0o600 });
}
