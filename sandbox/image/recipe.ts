import { createHash } from "node:crypto";

/** Debian release of the base image, the one behind Hetzner's image name `debian-13`. */
export const SUITE = "trixie";

/** Packages of a vendor's cloud image, plus Nix: the emulated nixos-anywhere copies into its store. */
const PACKAGES: readonly string[] = [
  "systemd",
  "systemd-sysv",
  "dbus",
  "openssh-server",
  "sudo",
  "iproute2",
  "iputils-ping",
  "nix-bin",
  "nix-setup-systemd",
  "ca-certificates",
  "procps",
  "curl",
  "python3",
  "nftables",
];

/** Units that are useless in a container without consoles and without Internet access. */
export const MASKED_UNITS: readonly string[] = [
  "console-getty.service",
  "getty@.service",
  "getty.target",
  "serial-getty@.service",
  "container-getty@.service",
  "systemd-timesyncd.service",
  "systemd-networkd.service",
  "systemd-networkd.socket",
  "systemd-networkd-wait-online.service",
  "systemd-resolved.service",
  "apt-daily.timer",
  "apt-daily-upgrade.timer",
  "dpkg-db-backup.timer",
  "e2scrub_all.timer",
  "fstrim.timer",
  // Debian's unit makes all key types, and runs at a first boot only.
  "sshd-keygen.service",
];

export const ENABLED_UNITS: readonly string[] = [
  "ssh.service",
  "nix-daemon.socket",
  "pantheros-first-boot.service",
  "pantheros-host-key.service",
  "pantheros-boot.service",
];

/** Raise it when a change of build.ts changes the image. */
const BUILD = 3;

/** A file of sandbox/image/files/, as it goes into the image. */
export interface ImageFile {
  /** Path inside the image, without leading slash. */
  readonly path: string;
  readonly mode: number;
  readonly content: string;
}

export interface Recipe {
  readonly suite: string;
  /** Mirror to fetch from; mmdebstrap's default for the suite when absent. */
  readonly mirror?: string;
  readonly files: readonly ImageFile[];
}

/**
 * Name of the image in the cache; depends on everything that changes its content.
 * The mirror is left out: all mirrors have the same packages.
 */
export function recipeHash(recipe: Recipe): string {
  const files = [...recipe.files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const parts = [BUILD, recipe.suite, PACKAGES, MASKED_UNITS, ENABLED_UNITS, files];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

/** argv of mmdebstrap; `keyring` is needed where apt does not trust Debian's keys (Ubuntu). */
export function mmdebstrapCommand(recipe: Recipe, directory: string, keyring?: string): readonly string[] {
  return [
    "mmdebstrap",
    "--mode=root",
    "--variant=minbase",
    `--include=${PACKAGES.join(",")}`,
    ...(keyring === undefined ? [] : [`--keyring=${keyring}`]),
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--aptopt=Acquire::Retries 3",
    recipe.suite,
    directory,
    ...(recipe.mirror === undefined ? [] : [recipe.mirror]),
  ];
}
