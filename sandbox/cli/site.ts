import { writeAtomic } from "./files.ts";
import type { Layout } from "./layout.ts";

/** The flake input `site`: what only this installation of the sandbox knows; no secrets. */
export interface Site {
  /** Public keys that may deploy. */
  readonly authorizedKeys: readonly string[];
  /** Public keys whose closures the hosts accept. */
  readonly trustedPublicKeys: readonly string[];
  readonly substituters: readonly string[];
  /** The hosts are containers on this computer: its processor is theirs. */
  readonly system: string;
  /** Where hosts read their secrets. */
  readonly onepassword: string;
}

/** Nix's name of this computer's system. */
export function nixSystem(arch: string): string {
  const names: Readonly<Record<string, string>> = { x64: "x86_64-linux", arm64: "aarch64-linux" };
  const name = names[arch];
  if (name === undefined) throw new Error(`no sandbox machines on processor ${arch}`);
  return name;
}

export function writeSite(layout: Layout, site: Site): void {
  writeAtomic(layout.site, `${JSON.stringify(site, null, 2)}\n`, 0o644);
}
