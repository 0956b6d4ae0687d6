/** A store that is trusted less than the runner's: what it built counts on one host. */

import { deploy } from "../../../deployer/deploy/deploy.ts";
import { BuildKeyError } from "../../../deployer/deploy/host-signing-key.ts";
import { deploySpec } from "../../../deployer/deploy/spec.ts";
import { prefetchJobs, runPrefetchJobs } from "../../../deployer/prefetch/job.ts";
import { deployResult } from "../../../deployer/protocol/result.ts";
import { broken, newSystem, ok, said, spec, status, world } from "./fixtures.ts";

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

async function outcome(w: ReturnType<typeof world>, more: Parameters<typeof spec>[0]) {
  const result = await deploy(spec({ push: "s3://cache", ...more }), w.tools);
  expect(deployResult.parse(result)).toEqual(result);
  return result;
}

test("compared, signed with the host's own key, and not pushed", async () => {
  const w = world(good, runner);
  expect(await outcome(w, onTarget)).toMatchObject({ outcome: "confirmed" });
  expect(w.kinds()).toEqual([
    ...["trust", "build", "theirs", "own", "sign"],
    ...["connect", "activate", "confirm", "leave"],
  ]);
  const other = world(good, runner);
  expect(await outcome(other, onStorage)).toMatchObject({ outcome: "confirmed" });
  expect(other.kinds()).toEqual([
    ...["trust", "build", "theirs", "own", "sign"],
    ...["connect", "copy", "activate", "confirm", "leave"],
  ]);
  for (const { asked } of [w, other]) {
    const words = asked.flatMap(({ argv }) => argv);
    expect(words).toContain("/tmp/d/web.secret-key");
    expect(words).not.toContain("/keys/fleet");
  }
});

test("a builder that is trusted like the runner: the fleet's key, and the cache", async () => {
  const w = world(good, runner);
  expect(await outcome(w, { build: storage, signer: "fleet" })).toMatchObject({ outcome: "confirmed" });
  expect(w.kinds().slice(0, 5)).toEqual(["build", "sign", "push", "connect", "copy"]);
  expect(w.asked[1]?.argv).toContain("/keys/fleet");
});

test("nothing is the fleet's by leaving a word out", () => {
  const { signer, ...unsaid } = spec(onTarget);
  expect(signer).toBe(key);
  expect(deploySpec.safeParse(unsaid).success).toBe(false);
  expect(deploySpec.safeParse({ ...spec(), signer: key }).success).toBe(false);
});

test("what differs from the runner's own is named, and not signed", async () => {
  const w = world({ ...good, theirs: [info("2")] }, runner);
  expect(await outcome(w, onStorage)).toMatchObject({
    outcome: "failed",
    step: "sign",
    reason: expect.stringMatching(new RegExp(`^${path} on storage differs from the runner's`)),
    hint: expect.stringContaining(`nix store verify ${path}`),
  });
  expect(w.kinds()).toEqual(["trust", "build", "theirs", "own"]);
});

test("the runner's store is asked for what is in its file system alone", async () => {
  const w = world(good, runner, (file) => file !== path);
  await outcome(w, onTarget);
  expect(w.asked.find(({ argv }) => argv.includes("--stdin"))?.input).toBe("");
});

test.each([
  ["an answer that cannot be read", { theirs: [ok("{")] }, /its answer cannot be read: /],
  ["a store of the runner's that answers otherwise", { own: [ok("[3]")] }, /its answer cannot be read: /],
  ["a command that failed", { theirs: [broken("error: no such path")] }, /error: no such path/],
  ["one that was ended", { theirs: [{ ...broken(""), exitCode: null }] }, /exit by a signal/],
])("%s: nothing is signed", async (_, answers, reason) => {
  const w = world({ ...good, ...answers }, runner);
  const result = await outcome(w, onTarget);
  expect(result).toMatchObject({ outcome: "failed", step: "sign", reason: expect.stringMatching(reason) });
  expect(w.kinds()).not.toContain("sign");
});

describe("a host that does not trust its own key yet", () => {
  const introduce = expect.stringContaining('deploy web once with build = "local"');

  test("is told before anything is built", async () => {
    const w = world({ ...good, trust: [ok("fleet-1:BBBB=\n")] }, runner);
    expect(await outcome(w, onTarget)).toMatchObject({
      outcome: "failed",
      step: "sign",
      hint: introduce,
      reason: `web does not trust its own key ${key} yet`,
    });
    expect(w.kinds()).toEqual(["trust"]);
  });

  test("or refuses, where it could not be asked", async () => {
    const refused = { outcome: "refused", step: "signature", reason: "no trusted key signed it" };
    const w = world(
      { ...good, trust: [broken("nix: not found", 127)], activate: [said(refused, 1)] },
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

  test("as root on a machine that was never managed nothing is asked", async () => {
    const w = world(good, runner);
    expect(await outcome(w, { ...onTarget, managed: false })).toMatchObject({ outcome: "confirmed" });
    expect(w.kinds()).not.toContain("trust");
  });
});

test("a key that is not the inventory's: told before anything is run", async () => {
  const w = world(good, runner, undefined, () => {
    throw new BuildKeyError("hosts.web.build_key is a, but …", "put the line …");
  });
  expect(await outcome(w, onTarget)).toMatchObject({
    outcome: "failed",
    step: "sign",
    reason: "hosts.web.build_key is a, but …",
    hint: "put the line …",
  });
  expect(w.asked).toEqual([]);
});

test("ahead of its wave it is the same", async () => {
  const w = world(good, runner);
  const list = prefetchJobs.parse([{ spec: spec({ push: "s3://cache", ...onStorage }), copy: true }]);
  expect((await runPrefetchJobs(list, w.tools)).hosts).toEqual({ web: "ready" });
  expect(w.kinds()).toEqual(["trust", "build", "theirs", "own", "sign", "connect", "copy", "leave"]);
  expect(w.asked.flatMap(({ argv }) => argv)).not.toContain("/keys/fleet");
});
