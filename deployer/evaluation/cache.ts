/**
 * Keeps results of evaluations between runs, one file for each. A file is used only when it belongs
 * to this user and no other user can read or write it. The cache never fails a run: a result that
 * can't be read is evaluated again, and one that can't be written is not kept.
 */
import { randomBytes } from "node:crypto";
import { constants, realpathSync } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { cacheDirectory } from "../../lib/cache-directory.ts";
import { sha256 } from "../../lib/sha256.ts";
import { type EvaluatedTarget, target } from "./target.ts";

/** Version of the files' format. Results of another version are evaluated again. */
const SCHEMA_VERSION = 1;
/**
 * Limit of all files together; the least recently used are removed first. A host of the fleet needs
 * 15 kB.
 */
const MAX_BYTES = 64 * 2 ** 20;
/** This program does not write larger files. */
const MAX_FILE_BYTES = 8 * 2 ** 20;
/** Age at which an unfinished file of a killed run is removed. */
const STALE_MS = 3600_000;
const UNFINISHED = ".part";

/**
 * The directory of the kept results. Each checkout has its own, so that a checkout of untrusted code
 * cannot change those of another.
 * @param given a directory, or `off`
 * @returns undefined: none are kept
 */
export function resultsDirectory(given: string | undefined, checkout: string): string | undefined {
  if (given === "off") return undefined;
  return given ?? join(cacheDirectory(), "evaluations", sha256(realpathSync(checkout)).slice(0, 16));
}

const entry = z.object({ schemaVersion: z.literal(SCHEMA_VERSION), key: z.string(), target });

export class EvaluationCache {
  readonly #directory: string;
  readonly #maxBytes: number;

  constructor(directory: string, maxBytes = MAX_BYTES) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
  }

  /** `fingerprint` covers everything but the host's name. */
  #key(fingerprint: string, host: string): string {
    return sha256(JSON.stringify([SCHEMA_VERSION, fingerprint, host]));
  }

  /** A kept result; undefined when there is none that can be read. */
  async read(fingerprint: string, host: string): Promise<EvaluatedTarget | undefined> {
    const key = this.#key(fingerprint, host);
    const file = join(this.#directory, `${key}.json`);
    try {
      const found = JSON.parse(await readOwn(file)) as { target: EvaluatedTarget };
      if (entry.parse(found).key !== key) return undefined;
      const now = new Date();
      await utimes(file, now, now); // `prune` keeps recently used files
      return found.target;
    } catch {
      return undefined;
    }
  }

  /** Renames a finished file into place, so that a killed or concurrent run never leaves a partial one. */
  async write(fingerprint: string, host: string, found: EvaluatedTarget): Promise<void> {
    const key = this.#key(fingerprint, host);
    const file = join(this.#directory, `${key}.json`);
    const part = join(this.#directory, `${key}.${randomBytes(6).toString("hex")}${UNFINISHED}`);
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      const text = JSON.stringify({ schemaVersion: SCHEMA_VERSION, key, target: found });
      await writeFile(part, text, { mode: 0o600, flag: "wx" });
      await rename(part, file);
    } catch {
      await rm(part, { force: true }).catch(() => {});
    }
  }

  /** Removes the least recently used files beyond the limit. */
  async prune(): Promise<void> {
    const names = await readdir(this.#directory).catch(() => []);
    const found = await Promise.all(
      names.map(async (name) => {
        const file = join(this.#directory, name);
        const { mtimeMs, size } = await stat(file).catch(() => ({ mtimeMs: 0, size: 0 }));
        return { file, mtimeMs, size };
      }),
    );
    let kept = 0;
    for (const { file, mtimeMs, size } of found.sort((a, b) => b.mtimeMs - a.mtimeMs)) {
      kept += size;
      const stale = file.endsWith(UNFINISHED) && mtimeMs < Date.now() - STALE_MS;
      if (kept > this.#maxBytes || stale) await rm(file, { force: true }).catch(() => {});
    }
  }
}

/** Reads a file. @throws Error when another user owns it or has access to it, or it is too large */
async function readOwn(file: string): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { uid, mode, size } = await handle.stat();
    if (uid !== process.getuid?.() || (mode & 0o077) !== 0 || size > MAX_FILE_BYTES)
      throw new Error("not ours");
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}
