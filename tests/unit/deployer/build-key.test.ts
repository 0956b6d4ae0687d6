import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  buildKeyName,
  deriveKey,
  parseSecretKey,
  publicKeyText,
  secretKeyText,
} from "../../../deployer/build-key.ts";
import { BuildKeyError, writeHostSigningKey } from "../../../deployer/deploy/host-signing-key.ts";
import { attempt, run } from "../nix/nix.ts";
import { files, spec } from "./fixtures.ts";

/**
 * The seed 00 01 … 1f with its public half. The key derived from it was computed independently, with
 * Python's hmac and cryptography.
 */
const fleetText =
  "fleet-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA==";
const webKey = "fleet-1-web:YKb9q+b4ders3EtQPlvyAKRcg8KMuXigKAkGBxkO9vg=";
const fleet = parseSecretKey(fleetText);

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pantheros-keys-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const fileWith = (name: string, text: string): string => {
  const file = join(directory, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
};
const publicByNix = (secret: string): string =>
  run("sh", "-c", 'nix key convert-secret-to-public <"$0"', fileWith("secret", secret));

describe("a host's own key", () => {
  test("is the same on every runner that has the fleet's key", () => {
    const key = deriveKey(fleet, buildKeyName(fleet, "web"));
    expect(publicKeyText(key)).toBe(webKey);
    expect(deriveKey(fleet, "fleet-1-web")).toEqual(key);
    expect(deriveKey({ ...fleet, name: "another" }, "fleet-1-web")).toEqual(key);
    expect(publicKeyText(deriveKey(fleet, "fleet-1-db"))).not.toContain(webKey.split(":")[1]);
  });

  test("is a valid key for Nix, which computes the same public half", () => {
    for (const key of [fleet, deriveKey(fleet, "fleet-1-web")]) {
      expect(publicByNix(secretKeyText(key))).toBe(publicKeyText(key));
    }
    const made = run("nix", "key", "generate-secret", "--key-name", "made-1");
    expect(secretKeyText(parseSecretKey(`${made}\n`))).toBe(made);
    expect(publicKeyText(parseSecretKey(made))).toBe(publicByNix(made));
  });

  test("makes signatures that a store verifies with the public half alone", () => {
    const expression = `derivation {
      name = "signed"; system = builtins.currentSystem; builder = "/bin/sh";
      args = [ "-c" "echo ${process.pid} ${Date.now()} >$out" ];
    }`;
    const options = ["--option", "sandbox", "false", "--impure", "--no-link", "--print-out-paths"];
    const path = run("nix", "build", ...options, "--expr", expression).trim();
    const key = deriveKey(fleet, "fleet-1-web");
    run("nix", "store", "sign", "--key-file", fileWith("key", secretKeyText(key)), path);
    const verify = (publicKey: string) =>
      attempt("nix", "store", "verify", "--sigs-needed", "1", "--trusted-public-keys", publicKey, path).code;
    expect(verify(publicKeyText(key))).toBe(0);
    expect(verify(publicKeyText(fleet))).not.toBe(0);
  });

  test.each([
    ["a public key", "fleet-1:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="],
    ["halves that do not belong together", fleetText.replace("AAEC", "AAED")],
    ["no name", fleetText.slice("fleet-1".length)],
    ["an SSH key", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n"],
    ["nothing", ""],
  ])("%s is refused as the fleet's key, and not repeated in the error", (_, text) => {
    expect(() => parseSecretKey(text)).toThrow(/^not a Nix secret key \(NAME:BASE64 of 64 bytes\)$/);
  });
});

describe("on the runner", () => {
  const build = { build: "target", signer: webKey } as const;
  const withKey = (signingKey?: string) => ({
    ...files,
    connections: directory,
    ...(signingKey === undefined ? {} : { signingKey }),
  });
  const failureOf = (signer: string, signingKey?: string): BuildKeyError => {
    try {
      writeHostSigningKey(spec({ ...build, signer }), withKey(signingKey));
    } catch (error) {
      if (error instanceof BuildKeyError) return error;
      throw error;
    }
    throw new Error("the key was written");
  };

  test("the secret half is in a file of the deploy, with mode 0600", () => {
    const file = writeHostSigningKey(spec(build), withKey(fileWith("fleet", `${fleetText}\n`)));
    expect(file).toBe(join(directory, "web.secret-key"));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).toBe(secretKeyText(deriveKey(fleet, "fleet-1-web")));
  });

  test("if the inventory names a different key, the error has both keys and the remedy", () => {
    const other = `${webKey.slice(0, -2)}A=`;
    const { message, hint } = failureOf(other, fileWith("fleet", fleetText));
    expect(message).toBe(`hosts.web.build_key is ${other}, but the signing key fleet-1 gives ${webKey}`);
    expect(hint).toMatch(/^put the line printed by `tools\/build-key web` .* build = "local"/);
  });

  test("without a valid fleet key no key is written", () => {
    expect(failureOf(webKey).message).toMatch(/^PANTHEROS_SIGNING_KEY is not set/);
    expect(failureOf(webKey, "/nowhere").message).toMatch(/^PANTHEROS_SIGNING_KEY \(\/nowhere\): .*ENOENT/);
    expect(failureOf(webKey, fileWith("bad", "x")).message).toMatch(/: not a Nix secret key/);
  });
});
