import { readFileSync } from "node:fs";

/**
 * The host key pinned for one of `names` in the text of a known_hosts file, as `type base64`. An ed25519 key comes before
 * others. Hashed names, patterns, `@revoked` and `@cert-authority` lines are ignored.
 * Source of the format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
 */
export function pinnedHostKey(text: string, names: readonly string[]): string | undefined {
  const keys = text
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([hosts = "", type, key]) => type && key && !/^[#@|]/.test(hosts))
    .filter(([hosts = ""]) => hosts.split(",").some((host) => names.includes(host)))
    .map(([, type, key]) => `${type} ${key}`);
  return keys.find((key) => key.startsWith("ssh-ed25519 ")) ?? keys[0];
}

/** Text of the file; empty when it does not exist, since only adopted hosts need one. */
export function readKnownHosts(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
