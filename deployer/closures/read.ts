/** Reads closures from the local store, the cache and a host's store. Nothing is built or copied. */
import { NIX } from "../nix.ts";
import { runProcess } from "../process/runner.ts";
import { type SshPeer, sshArgv } from "../ssh.ts";
import { type PathInfos, readPathInfos } from "./diff.ts";

/** One command reads the systems of all hosts. */
const MAX_OUTPUT_BYTES = 512 * 1024 * 1024;

export interface ClosureSources {
  /** Store URL of the cache, read for what the local store lacks. */
  readonly cache?: string | undefined;
  /** A host, asked for what neither of them has. */
  readonly host?: SshPeer | undefined;
  /** Limit for all commands together. */
  readonly seconds: number;
}

/** The paths of the closures of `roots` that one of the sources has. */
export async function readClosures(
  roots: readonly string[],
  { cache, host, seconds }: ClosureSources,
): Promise<PathInfos> {
  const end = Date.now() + seconds * 1000;

  /** Path infos from one store; empty if nix fails (a path is missing) or does not finish in time. */
  async function query(argv: readonly string[]): Promise<PathInfos> {
    const left = end - Date.now();
    if (left <= 0) return new Map();
    const { exitCode, stdout } = await runProcess({
      argv,
      timeoutSeconds: left / 1000,
      maxOutputBytes: MAX_OUTPUT_BYTES,
      ownGroup: false,
    });
    return exitCode === 0 ? readPathInfos(stdout) : new Map();
  }

  async function closures(store: readonly string[], wanted: readonly string[]): Promise<PathInfos> {
    const words = [...NIX, "--option", "connect-timeout", "5", "path-info", ...store, "--json"];
    if (wanted.length === 0) return new Map();
    const present = [...(await query([...words, ...wanted])).keys()];
    return present.length === 0 ? new Map() : query([...words, "--recursive", ...present]);
  }

  const local = await closures([], roots);
  const missing = roots.filter((root) => !local.has(root));
  const cached: PathInfos = cache === undefined ? new Map() : await closures(["--store", cache], missing);
  const left = missing.filter((root) => !cached.has(root));
  const remote =
    host === undefined
      ? []
      : await Promise.all(
          left.map((root) => query(sshArgv(host, [...NIX, "path-info", "--json", "--recursive", root]))),
        );
  return new Map([...remote.flatMap((infos) => [...infos]), ...cached, ...local]);
}
