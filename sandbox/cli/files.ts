import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { run } from "../machines/command.ts";

/** Replaces the file by rename, and only when the content differs: a reader never sees a partial file. */
export function writeAtomic(path: string, content: string, mode = 0o600): void {
  if (existsSync(path) && readFileSync(path, "utf8") === content) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const partial = `${path}.${process.pid}.new`;
  rmSync(partial, { force: true });
  writeFileSync(partial, content, { mode });
  renameSync(partial, path);
}

/** Makes an ed25519 key pair without passphrase at `path` and `path`.pub, once. Returns the public key's line. */
export async function ensureKeyPair(path: string, comment: string): Promise<string> {
  if (!existsSync(path) || !existsSync(`${path}.pub`)) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const partial = `${path}.new`;
    for (const file of [partial, `${partial}.pub`]) rmSync(file, { force: true });
    const argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", partial];
    await run(argv, { step: "keys", hint: "ssh-keygen is in the package openssh-client" });
    // The public key first: once the private key is in place, the pair is complete.
    renameSync(`${partial}.pub`, `${path}.pub`);
    renameSync(partial, path);
  }
  return readFileSync(`${path}.pub`, "utf8").trim();
}
