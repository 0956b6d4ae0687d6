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

/** All files below sandbox/image/files, with the modes that matter: executable or not. */
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
  /** Told what is being done and what it waits for. */
  readonly progress?: (message: string) => void;
}

function recipeOf(options: ImageOptions): Recipe {
  return {
    suite: SUITE,
    files: imageFiles(options.files),
    ...(options.mirror === undefined ? {} : { mirror: options.mirror }),
  };
}

/** Where the image of this recipe is, or will be. */
export function imagePath(options: ImageOptions): string {
  return join(options.cache, "image", recipeHash(recipeOf(options)), "rootfs");
}

/**
 * The base image, built when the cache does not hold it. Safe to call from several processes; what a killed
 * build left is removed by the next. Takes about 40 s and 280 MB. Returns the root directory.
 */
export async function ensureImage(options: ImageOptions): Promise<string> {
  const root = imagePath(options);
  if (existsSync(root)) return root;
  const progress = options.progress ?? (() => {});
  const waiting = (holder: number | undefined) => progress(`waits for the image build of process ${holder}`);
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
  // Of this recipe or another: we hold the lock, so nobody builds them any more.
  for (const left of readdirSync(images).filter((name) => name.endsWith(".partial"))) {
    rmSync(join(images, left), { recursive: true, force: true });
  }
  const root = join(partial, "rootfs");
  mkdirSync(partial, { recursive: true });
  progress(`Debian ${recipe.suite} base image (once, about a minute)`);
  await run(mmdebstrapCommand(recipe, root, existsSync(KEYRING) ? KEYRING : undefined), {
    step: "base image",
    timeout: 900_000,
    hint: "needs a Debian mirror; PANTHEROS_DEBIAN_MIRROR names another one, debian-archive-keyring its keys",
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
  // Empty, not absent: each machine makes its own id, without the presets of a first boot.
  writeFileSync(join(root, "etc/machine-id"), "");
  rmSync(join(root, "var/lib/dbus/machine-id"), { force: true });
  // mmdebstrap takes it from this computer.
  writeFileSync(join(root, "etc/hostname"), "debian\n");
  await run(["systemctl", `--root=${root}`, "mask", ...MASKED_UNITS], { step: "base image" });
  await run(["systemctl", `--root=${root}`, "enable", ...ENABLED_UNITS], { step: "base image" });
  await run(["systemctl", `--root=${root}`, "disable", "nix-daemon.service"], { step: "base image" });
  // Nothing is left to update at boot (ldconfig, catalogs): systemd compares these with /usr, ConditionNeedsUpdate=.
  for (const stamp of ["etc/.updated", "var/.updated"]) writeFileSync(join(root, stamp), "");
  // The rename is the commit: a directory of this name is always whole.
  renameSync(partial, directory);
}
