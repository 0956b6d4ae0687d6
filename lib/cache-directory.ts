import { homedir } from "node:os";
import { join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The project's cache of downloads, builds and results, outside of every checkout; it may be
 * removed at any time.
 */
export function cacheDirectory(environment: Environment = process.env): string {
  const given = environment["PANTHEROS_CACHE"];
  if (given !== undefined && given !== "") return given;
  return join(environment["XDG_CACHE_HOME"] || join(environment["HOME"] || homedir(), ".cache"), "pantheros");
}
