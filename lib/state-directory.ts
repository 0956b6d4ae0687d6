import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where this person's runs and control centres keep their files: PANTHEROS_STATE_DIR, or `pantheros` in
 * `$XDG_STATE_HOME`, or in `~/.local/state`. Source: XDG Base Directory Specification 0.8.
 */
export function stateDirectory(environment: Environment = process.env): string {
  const given = environment["PANTHEROS_STATE_DIR"];
  if (given !== undefined && given !== "") return resolve(given);
  const state = environment["XDG_STATE_HOME"] ?? "";
  // The specification ignores a relative path.
  const base = isAbsolute(state) ? state : join(environment["HOME"] || homedir(), ".local/state");
  return join(base, "pantheros");
}
