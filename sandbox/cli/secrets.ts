import { existsSync, readFileSync } from "node:fs";
import { run } from "../machines/command.ts";
import { ensureSecrets as ensureVendorSecrets, type Secrets } from "../vendors/secrets.ts";
import { writeAtomic } from "./files.ts";
import type { Layout } from "./layout.ts";

/** Makes secrets.env once, and writes the stack's passphrase to the file that Pulumi reads. */
export function ensureSecrets(layout: Layout): Secrets {
  const secrets = ensureVendorSecrets(layout.directory);
  writeAtomic(layout.passphrase, `${secrets["PULUMI_CONFIG_PASSPHRASE"] ?? ""}\n`);
  return secrets;
}

/** Makes the key that signs closures, once. Returns the public key, which the hosts trust. */
export async function ensureSigningKey(layout: Layout, sandbox: string): Promise<string> {
  const nix = ["nix", "--extra-experimental-features", "nix-command", "key"];
  const options = { step: "signing key", hint: "tools/setup sandbox provides Nix" };
  if (!existsSync(layout.signingKey)) {
    const key = await run([...nix, "generate-secret", "--key-name", `${sandbox}-1`], options);
    writeAtomic(layout.signingKey, key.trim());
  }
  const publicFile = `${layout.signingKey}.pub`;
  if (!existsSync(publicFile)) {
    const input = readFileSync(layout.signingKey, "utf8");
    const key = await run([...nix, "convert-secret-to-public"], { ...options, input });
    writeAtomic(publicFile, `${key.trim()}\n`, 0o644);
  }
  return readFileSync(publicFile, "utf8").trim();
}
