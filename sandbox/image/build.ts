import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../machines/command.ts";
import { withLock } from "../machines/lock.ts";
import {
  ENABLED_UNITS,
  type ImageFile,
  MASKED_UNITS,
  mmdebstrapCommand,
  type Recipe,
  recipeHash,
  SUITE,
} from "./recipe.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** All files below `directory`; of their modes only the executable bit is kept. */
export function imageFiles(directory: string): readonly ImageFile[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(directory, path)).isFile())
    .map((path) => ({
      path,
      mode: statSync(join(directory, path)).mode & 0o100 ? 0o755 : 0o644,
      content: readFileSync(join(directory, path), "utf8"),
    }));
}

export interface ImageOptions {
  /** Cache directory of the project (`~/.cache/pantheros`). */
  readonly cache: string;
  /** sandbox/image/files of this checkout. */
  readonly files: string;
  /** Debian mirror; mmdebstrap's default when absent. */
  readonly mirror?: string;
  /** Gets progress messages. */
  readonly progress?: (message: string) => void;
}

function recipeOf(options: ImageOptions): Recipe {
  return {
    suite: SUITE,
    files: imageFiles(options.files),
    ...(options.mirror !== undefined && { mirror: options.mirror }),
  };
}

/** Root directory of the image, whether it is built yet or not. */
function imagePath(options: ImageOptions): string {
  return join(options.cache, "image", recipeHash(recipeOf(options)), "rootfs");
}

/**
 * Builds the base image unless it is in the cache: about 40 s and 280 MB. Several processes may call it at once;
 * the next build removes what a killed one left. Returns the root directory.
 */
export async function ensureImage(options: ImageOptions): Promise<string> {
  const root = imagePath(options);
  if (existsSync(root)) return root;
  const progress = options.progress ?? (() => {});
  const waiting = (holder: number | undefined) =>
    progress(`waiting for process ${holder}, which is building the image`);
  return withLock(
    join(options.cache, "image", "lock"),
    900,
    async () => {
      if (!existsSync(root)) await build(recipeOf(options), dirname(root), progress);
      return root;
    },
    waiting,
  );
}

async function build(recipe: Recipe, directory: string, progress: (message: string) => void): Promise<void> {
  const partial = `${directory}.partial`;
  const images = dirname(directory);
  // This process holds the lock, so every partial image is left over from a killed build.
  for (const left of readdirSync(images).filter((name) => name.endsWith(".partial"))) {
    rmSync(join(images, left), { recursive: true, force: true });
  }
  const root = join(partial, "rootfs");
  mkdirSync(partial, { recursive: true });
  progress(`building the Debian ${recipe.suite} base image (once, about a minute)`);
  await run(mmdebstrapCommand(recipe, root, existsSync(KEYRING) ? KEYRING : undefined), {
    step: "base image",
    timeout: 900_000,
    hint: "is a Debian mirror reachable? PANTHEROS_DEBIAN_MIRROR sets a different one, the package debian-archive-keyring has its keys",
  });
  for (const file of recipe.files) {
    const target = join(root, file.path);
    mkdirSync(dirname(target), { recursive: true });
    rmSync(target, { force: true });
    writeFileSync(target, file.content);
    chmodSync(target, file.mode);
  }
  for (const name of readdirSync(join(root, "etc/ssh")).filter((file) => file.startsWith("ssh_host_"))) {
    rmSync(join(root, "etc/ssh", name));
  }
  // An empty file makes systemd generate an id at boot; an absent one would also apply the first boot's presets.
  writeFileSync(join(root, "etc/machine-id"), "");
  rmSync(join(root, "var/lib/dbus/machine-id"), { force: true });
  // mmdebstrap copies this computer's host name.
  writeFileSync(join(root, "etc/hostname"), "debian\n");
  await run(["systemctl", `--root=${root}`, "mask", ...MASKED_UNITS], { step: "base image" });
  await run(["systemctl", `--root=${root}`, "enable", ...ENABLED_UNITS], { step: "base image" });
  await run(["systemctl", `--root=${root}`, "disable", "nix-daemon.service"], { step: "base image" });
  // These stamps skip updates at boot such as ldconfig: systemd compares them with /usr, ConditionNeedsUpdate=.
  for (const stamp of ["etc/.updated", "var/.updated"]) writeFileSync(join(root, stamp), "");
  // Renamed last: a directory of this name is always complete.
  renameSync(partial, directory);
}
