import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Every Nix file of the machines, without comments. */
const sources = readdirSync("nix", { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".nix"))
  .map((file) => ({ file, text: readFileSync(join("nix", file), "utf8").replace(/^\s*#.*$/gm, "") }));

/**
 * Names that an evaluation with an older NixOS accepts, but that the locked nixpkgs lacks or that mean something
 * else there. Sources: release notes of NixOS 25.11, 26.05 and 26.11; nixpkgs, pull requests 425923 (closed) and 514097.
 */
const gone: readonly [RegExp, string][] = [
  [/\bensure(Groups|UserFields|GroupFields)\b/, "services.lldap creates nothing in the directory"],
  [/\b(jwtSecretFile|storageEncryptionKeyFile|sessionSecretFile)\b/, "read as credentials by newer modules"],
  [/\b(coredump|timesyncd|resolved|sleep|journald|logind)\.extraConfig\b/, "settings"],
  [/\bsystemd\.(user\.)?(extraConfig|watchdog)\b/, "systemd.settings.Manager"],
  [/\bresolved\.(fallbackDns|domains|llmnr|dnssec|dnsovertls)\b/, "services.resolved.settings.Resolve"],
  [/\bopenssh\.banner\b/, "services.openssh.settings.Banner"],
  [/\bregistries\.(search|insecure|block)\b/, "virtualisation.containers.registries.settings"],
  [/\bunprivilegedUsernsClone\b|profiles\/hardened|linux_(hardened|rt)\b/, "removed"],
  [/services\.promtail\b/, "services.alloy"],
  [/\bgenerateCaches\b/, "documentation.man.cache.enable"],
  [/boot\.vesa\b/, "removed"],
];

test.each(gone)("%p is set nowhere", (name) => {
  expect(sources.length).toBeGreaterThan(60);
  expect(sources.filter(({ text }) => name.test(text)).map(({ file }) => file)).toEqual([]);
});
