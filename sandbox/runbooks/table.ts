/** The runbooks. This table makes the page docs/runbooks.md, the command `tools/pantheros rehearse` and its test. */
import { cache } from "./cache.ts";
import { configuration } from "./configuration.ts";
import { database } from "./database.ts";
import { disaster } from "./disaster.ts";
import { host } from "./host.ts";
import { RUNBOOK_NAMES, type RunbookName } from "./names.ts";
import { secret } from "./secret.ts";
import type { Runbook } from "./types.ts";

const BY_NAME: Readonly<Record<RunbookName, Runbook>> = {
  configuration,
  secret,
  cache,
  database,
  host,
  disaster,
};

export const RUNBOOKS: readonly Runbook[] = RUNBOOK_NAMES.map((name) => BY_NAME[name]);
