import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "./store.ts";

/** Credentials of the sandbox's accounts, by the names of the real ones' environment variables. */
export type Secrets = Record<string, string>;

const hex = (bytes: number) => randomBytes(bytes).toString("hex");
const word = (length: number) =>
  randomBytes(length).toString("base64url").replaceAll(/[-_]/g, "x").slice(0, length);

/** 1Password's service-account tokens are `ops_` and base64 of JSON; clients check the prefix only. */
function serviceAccountToken(): string {
  const content = {
    signInAddress: "sandbox.1password.test",
    userAuth: { method: "SRPg-4096" },
    secretKey: hex(16),
  };
  return `ops_${Buffer.from(JSON.stringify(content)).toString("base64url")}`;
}

const GENERATORS: Record<string, () => string> = {
  HCLOUD_TOKEN: () => word(64),
  CLOUDFLARE_API_TOKEN: () => word(40),
  TAILSCALE_API_KEY: () => `tskey-api-k${word(12)}CNTRL-${word(32)}`,
  TAILSCALE_OAUTH_CLIENT_ID: () => `k${word(12)}CNTRL`,
  TAILSCALE_OAUTH_CLIENT_SECRET: () => `tskey-client-k${word(12)}CNTRL-${word(32)}`,
  AWS_ACCESS_KEY_ID: () => `003${hex(11)}`,
  AWS_SECRET_ACCESS_KEY: () => `K003${word(27)}`,
  OP_SERVICE_ACCOUNT_TOKEN: serviceAccountToken,
  PULUMI_CONFIG_PASSPHRASE: () => hex(24),
};

/** Reads `NAME=value` lines; values are plain, as `set -a; . secrets.env` reads them too. */
export function parseSecrets(text: string): Secrets {
  const lines = text.split("\n").filter((line) => line.includes("=") && !line.startsWith("#"));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

/** The content of a sandbox's `secrets.env`; missing values are generated and added. Mode 600. */
export function ensureSecrets(dir: string): Secrets {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, "secrets.env");
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const known = parseSecrets(text);
  const missing = Object.keys(GENERATORS).filter((name) => !known[name]);
  if (missing.length === 0) return known;
  const added = Object.fromEntries(missing.map((name) => [name, GENERATORS[name]?.() ?? ""]));
  const head = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  writeAtomically(
    path,
    head +
      Object.entries(added)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(""),
  );
  return { ...known, ...added };
}
