/** An attacker with write access to the shared cache can put only paths onto a host that a trusted key signed unchanged. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { attempt, run } from "./nix.ts";

const directory = mkdtempSync(path.join(tmpdir(), "pantheros-cache-"));
afterAll(() => {
  // Directories of a store are read-only.
  run("chmod", "-R", "u+w", directory);
  rmSync(directory, { recursive: true, force: true });
});
const file = (name: string) => path.join(directory, name);

function makeKey(name: string): { readonly secret: string; readonly open: string } {
  const secret = file(`${name}.key`);
  writeFileSync(secret, run("nix", "key", "generate-secret", "--key-name", name), { mode: 0o600 });
  return { secret, open: run("sh", "-c", 'nix key convert-secret-to-public <"$0"', secret).trim() };
}

/** An input-addressed path with this content; a content-addressed one needs no signature. */
function built(content: string): string {
  const expression = `derivation {
    name = "cached"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo ${content} >$out" ];
  }`;
  const options = ["--option", "sandbox", "false", "--impure", "--no-link", "--print-out-paths"];
  return run("nix", "build", ...options, "--expr", expression).trim();
}

const narinfoOf = (cache: string, store: string) =>
  path.join(cache, `${path.basename(store).split("-")[0]}.narinfo`);

function pushed(name: string, store: string, secret?: string): string {
  const cache = file(name);
  const parameters = secret === undefined ? "" : `&secret-key=${secret}`;
  run("nix", "copy", "--to", `file://${cache}?compression=none${parameters}`, store);
  return cache;
}

/** A host that substitutes the path from the cache, with the settings of nix/modules/deployment. */
const fetched = (name: string, cache: string, store: string, trusted: string) =>
  attempt(
    ...["nix", "copy", "--from", `file://${cache}`, "--to", `local?root=${file(name)}`, store],
    ...["--option", "require-sigs", "true", "--option", "trusted-public-keys", trusted],
  );

test("a host accepts a cache's content only with the fleet's signature of that content", () => {
  const fleet = makeKey("fleet-1");
  const stranger = makeKey("stranger-1");
  const store = built(`${process.pid} ${Date.now()}`);

  const good = pushed("good", store, fleet.secret);
  expect(fetched("host", good, store, fleet.open).code).toBe(0);
  const unsigned = fetched("host-1", pushed("unsigned", store), store, fleet.open);
  expect(unsigned.stderr).toMatch(/lacks a (valid )?signature/);
  const foreign = fetched("host-2", pushed("foreign", store, stranger.secret), store, fleet.open);
  expect(foreign.stderr).toMatch(/lacks a (valid )?signature/);

  // Other content: first under the signed narinfo, then under a matching narinfo with the old signature.
  const nar = path.join(good, "nar", readdirSync(path.join(good, "nar"))[0] ?? "");
  const other = pushed("other", built(`other ${process.pid} ${Date.now()}`));
  const theirs = path.join(other, "nar", readdirSync(path.join(other, "nar"))[0] ?? "");
  writeFileSync(nar, readFileSync(theirs));
  const swapped = fetched("host-3", good, store, fleet.open);
  expect(swapped.stderr).toMatch(/hash mismatch/);

  const [theirInfo = ""] = readdirSync(other).filter((name) => name.endsWith(".narinfo"));
  const described = readFileSync(path.join(other, theirInfo), "utf8");
  const info = narinfoOf(good, store);
  const field = (text: string, key: string) => new RegExp(`^${key}: .*$`, "m").exec(text)?.[0] ?? "";
  const relabelled = ["NarHash", "NarSize", "FileHash", "FileSize"].reduce(
    (text, key) => text.replace(field(text, key), field(described, key)),
    readFileSync(info, "utf8"),
  );
  expect(relabelled).toMatch(/^Sig: fleet-1:/m);
  writeFileSync(info, relabelled);
  const lying = fetched("host-4", good, store, fleet.open);
  expect(lying.stderr).toMatch(/lacks a (valid )?signature/);
  for (const refused of [unsigned, foreign, swapped, lying]) expect(refused.code).not.toBe(0);
});
