/** A builder that is trusted less than the runner: one host accepts what it built. */

import { BuildKeyError } from "../../../deployer/deploy/host-signing-key.ts";
import { deploySpec } from "../../../deployer/deploy/spec.ts";
import { prefetchJobs, runPrefetchJobs } from "../../../deployer/prefetch/job.ts";
import { broken, newSystem, ok, outcomeOf, printed, spec, status, world } from "./fixtures.ts";

const key = "fleet-1-web:YKb9q+b4ders3EtQPlvyAKRcg8KMuXigKAkGBxkO9vg=";
const storage = { host: "storage", address: "192.0.2.9", port: 22, hostKey: "ssh-ed25519 AAAAC3Nzb" };
const onTarget = { build: "target", signer: key } as const;
const onStorage = { build: storage, signer: key } as const;
const path = `/nix/store/${"c".repeat(32)}-shared`;
const info = (digit: string) =>
  ok({ [path]: { narHash: `sha256:${digit.repeat(64)}`, narSize: 8, references: [] } });

const good = {
  trust: [ok(`cache.nixos.org-1:AAAA= ${key} fleet-1:BBBB=\n`)],
  build: [ok(`${newSystem}\n`)],
  theirs: [info("1")],
  own: [info("1")],
  sign: [ok()],
  push: [ok()],
  copy: [ok()],
  activate: [ok({ outcome: "waiting", running: newSystem, token: "t1", seconds: 30, health: [] })],
  confirm: [ok({ outcome: "confirmed", running: newSystem, booted: newSystem, generation: 8, token: "t1" })],
  status: [ok(status())],
};
const runner = { signingKey: "/keys/fleet" };

const outcome: typeof outcomeOf = (w, more) => outcomeOf(w, { push: "s3://cache", ...more });

test("its paths are compared, signed with the host's own key, and not pushed", async () => {
  const w = world(good, runner);
  expect(await outcome(w, onTarget)).toMatchObject({ outcome: "confirmed" });
  expect(w.kinds()).toEqual([
    ...["trust", "build", "theirs", "own", "sign"],
    ...["connect", "activate", "confirm", "close"],
  ]);
  const other = world(good, runner);
  expect(await outcome(other, onStorage)).toMatchObject({ outcome: "confirmed" });
  expect(other.kinds()).toEqual([
    ...["trust", "build", "theirs", "own", "sign"],
    ...["connect", "copy", "activate", "confirm", "close"],
  ]);
  for (const { commands } of [w, other]) {
    const words = commands.flatMap(({ argv }) => argv);
    expect(words).toContain("/tmp/d/web.secret-key");
    expect(words).not.toContain("/keys/fleet");
  }
});

test("paths of a builder that is trusted like the runner are signed with the fleet's key and pushed", async () => {
  const w = world(good, runner);
  expect(await outcome(w, { build: storage, signer: "fleet" })).toMatchObject({ outcome: "confirmed" });
  expect(w.kinds().slice(0, 5)).toEqual(["build", "sign", "push", "connect", "copy"]);
  expect(w.commands[1]?.argv).toContain("/keys/fleet");
});

test("a spec without a signer is refused, so that the fleet's key is never the default", () => {
  const { signer, ...withoutSigner } = spec(onTarget);
  expect(signer).toBe(key);
  expect(deploySpec.safeParse(withoutSigner).success).toBe(false);
  expect(deploySpec.safeParse({ ...spec(), signer: key }).success).toBe(false);
});

test("a path that differs from the runner's is named, and nothing is signed", async () => {
  const w = world({ ...good, theirs: [info("2")] }, runner);
  expect(await outcome(w, onStorage)).toMatchObject({
    outcome: "failed",
    step: "sign",
    reason: expect.stringMatching(new RegExp(`^${path} on storage differs from the runner's`)),
    hint: expect.stringContaining(`nix store verify ${path}`),
  });
  expect(w.kinds()).toEqual(["trust", "build", "theirs", "own"]);
});

test("the runner's store is queried only for paths that its file system has", async () => {
  const w = world(good, runner, (file) => file !== path);
  await outcome(w, onTarget);
  expect(w.commands.find(({ argv }) => argv.includes("--stdin"))?.input).toBe("");
});

test.each([
  ["an answer that cannot be read", { theirs: [ok("{")] }, /its answer cannot be read: /],
  ["an unreadable answer of the runner's store", { own: [ok("[3]")] }, /its answer cannot be read: /],
  ["a command that failed", { theirs: [broken("error: no such path")] }, /error: no such path/],
  ["a command ended by a signal", { theirs: [{ ...broken(""), exitCode: null }] }, /exit by a signal/],
])("%s: nothing is signed", async (_, answers, reason) => {
  const w = world({ ...good, ...answers }, runner);
  const result = await outcome(w, onTarget);
  expect(result).toMatchObject({ outcome: "failed", step: "sign", reason: expect.stringMatching(reason) });
  expect(w.kinds()).not.toContain("sign");
});

describe("a host that does not trust its own key yet", () => {
  const introduce = expect.stringContaining('deploy web once with build = "local"');

  test("fails the deploy before anything is built", async () => {
    const w = world({ ...good, trust: [ok("fleet-1:BBBB=\n")] }, runner);
    expect(await outcome(w, onTarget)).toMatchObject({
      outcome: "failed",
      step: "sign",
      hint: introduce,
      reason: `web does not trust its own key ${key} yet`,
    });
    expect(w.kinds()).toEqual(["trust"]);
  });

  test("refuses the closure if its keys could not be read before", async () => {
    const refused = { outcome: "refused", step: "signature", reason: "no trusted key signed it" };
    const w = world(
      { ...good, trust: [broken("nix: not found", 127)], activate: [printed(refused, 1)] },
      runner,
    );
    expect(await outcome(w, onTarget)).toMatchObject({
      outcome: "failed",
      step: "signature",
      hint: introduce,
    });
    const unsigned = broken(
      `error: cannot add path '${newSystem}' because it lacks a signature by a trusted key`,
    );
    const copied = world({ ...good, trust: [broken("", 255)], copy: [unsigned] }, runner);
    expect(await outcome(copied, onStorage)).toMatchObject({
      outcome: "failed",
      step: "copy",
      hint: introduce,
    });
  });

  test("is not checked if it was never managed, since root copies there", async () => {
    const w = world(good, runner);
    expect(await outcome(w, { ...onTarget, managed: false })).toMatchObject({ outcome: "confirmed" });
    expect(w.kinds()).not.toContain("trust");
  });
});

test("a key that differs from the inventory's fails the deploy before any command runs", async () => {
  const w = world(good, runner, undefined, () => {
    throw new BuildKeyError("hosts.web.build_key is a, but …", "put the line …");
  });
  expect(await outcome(w, onTarget)).toMatchObject({
    outcome: "failed",
    step: "sign",
    reason: "hosts.web.build_key is a, but …",
    hint: "put the line …",
  });
  expect(w.commands).toEqual([]);
});

test("a prefetch job before its wave does the same", async () => {
  const w = world(good, runner);
  const list = prefetchJobs.parse([{ spec: spec({ push: "s3://cache", ...onStorage }), copy: true }]);
  expect((await runPrefetchJobs(list, w.tools)).hosts).toEqual({ web: "ready" });
  expect(w.kinds()).toEqual(["trust", "build", "theirs", "own", "sign", "connect", "copy", "close"]);
  expect(w.commands.flatMap(({ argv }) => argv)).not.toContain("/keys/fleet");
});
