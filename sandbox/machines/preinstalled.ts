import { run } from "./command.ts";
import type { MachinePaths } from "./disk.ts";

const INSTALL_SECONDS = 300;

/**
 * Installs a system closure on a disk that was never booted. $1 image, $2 the machine's directory, $3 closure.
 * It also installs the host key: first-boot does not run on a machine that boots a closure. It runs in its own
 * mount namespace, so a kill leaves no mount.
 */
const SCRIPT = `set -eu
root=$2/root system=$3
mkdir -p "$2/work" "$root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$root"
nix --extra-experimental-features nix-command copy --no-check-sigs --to "local?root=$root" "$system"
profiles=$root/nix/var/nix/profiles
mkdir -p "$profiles" "$root/boot"
ln -sfn "$system" "$profiles/system-1-link"
ln -sfn system-1-link "$profiles/system"
data=$root/etc/pantheros-sandbox
if [ -f "$data/host_key" ]; then
  rm -f "$root"/etc/ssh/ssh_host_*
  install -m 0600 "$data/host_key" "$root/etc/ssh/ssh_host_ed25519_key"
  install -m 0644 "$data/host_key.pub" "$root/etc/ssh/ssh_host_ed25519_key.pub"
fi
rm -rf "$data"
ln -sfn "$system" "$root/boot/pantheros-default"
umount "$root"
`;

export function preinstallCommand(
  base: string,
  paths: Pick<MachinePaths, "directory">,
  system: string,
): readonly string[] {
  return ["unshare", "--mount", "sh", "-c", SCRIPT, "sh", base, paths.directory, system];
}

/** Installs `system`, a store path of this computer, so that the machine boots it from its first start on. */
export async function preinstall(base: string, paths: MachinePaths, system: string): Promise<void> {
  await run(preinstallCommand(base, paths, system), {
    step: "preinstalled system",
    timeout: INSTALL_SECONDS * 1000,
  });
}
