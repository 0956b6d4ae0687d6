import { join, resolve } from "node:path";
import { cacheDirectory } from "../../lib/cache-directory.ts";
import { ensureImage, type ImageOptions } from "../image/build.ts";
import { checkName } from "../network/names.ts";
import type { SandboxContext } from "./keeper.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export function imageOptions(repository: string, environment: Environment = process.env): ImageOptions {
  const mirror = environment["PANTHEROS_DEBIAN_MIRROR"];
  return {
    cache: cacheDirectory(environment),
    files: join(repository, "sandbox/image/files"),
    ...(mirror && { mirror }),
  };
}

/** The sandbox in `directory`; `progress` gets the messages of an image build. */
export function sandboxContext(
  directory: string,
  name: string,
  repository: string,
  progress: (message: string) => void = () => {},
): SandboxContext {
  return {
    directory: resolve(directory),
    name: checkName("sandbox", name),
    repository,
    image: () => ensureImage({ ...imageOptions(repository), progress }),
  };
}

/** The sandbox of PANTHEROS_SANDBOX_DIR and PANTHEROS_SANDBOX_NAME; by default this checkout's. */
export function sandboxFromEnvironment(
  repository: string,
  environment: Environment = process.env,
  progress: (message: string) => void = () => {},
): SandboxContext {
  const directory = environment["PANTHEROS_SANDBOX_DIR"] || join(repository, ".sandbox");
  return sandboxContext(directory, environment["PANTHEROS_SANDBOX_NAME"] || "sandbox", repository, progress);
}
