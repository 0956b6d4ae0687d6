import { writeAtomic } from "./files.ts";
import type { Layout } from "./layout.ts";

/** The flake input `site`: values of this one sandbox; no secrets. */
export interface Site {
  /** Public keys that may deploy. */
  readonly authorizedKeys: readonly string[];
  /** Role -> public keys with which the control centre acts for its people. */
  readonly operatorKeys: Readonly<Record<string, readonly string[]>>;
  /** Public keys whose closures the hosts accept. */
  readonly trustedPublicKeys: readonly string[];
  readonly substituters: readonly string[];
  /** Nix system of the hosts; containers share this computer's processor. */
  readonly system: string;
  /** URL of the emulated 1Password, where hosts read their secrets. */
  readonly onepassword: string;
  /** S3 endpoint of the emulated object storage, where hosts store dumps of databases. */
  readonly s3: string;
  /** Store path of PostgreSQL, when a host has databases. */
  readonly postgresql?: string;
}

/** Nix's system name for a processor architecture of Node.js. */
export function nixSystem(arch: string): string {
  const names: Readonly<Record<string, string>> = { x64: "x86_64-linux", arm64: "aarch64-linux" };
  const name = names[arch];
  if (name === undefined) throw new Error(`the sandbox runs on x64 and arm64 processors, not on ${arch}`);
  return name;
}

export function writeSite(layout: Layout, site: Site): void {
  writeAtomic(layout.site, `${JSON.stringify(site, null, 2)}\n`, 0o644);
}
