import { deployReason, wantedToken } from "../../../components/nixos-host/token.ts";
import { verdictText } from "../../../components/nixos-host/verdict.ts";
import { heldBy } from "../../../components/nixos-host/waves.ts";
import { activationBudget } from "../../../deployer/deploy/spec.ts";
import type { Probe } from "../../../deployer/probe.ts";
import type { DeployResult } from "../../../deployer/protocol/result.ts";
import {
  lost,
  newSystem,
  ok,
  oldSystem,
  outcomeOf,
  printed,
  refusedConnection,
  spec,
  status,
  world,
} from "./fixtures.ts";

const prepared = { build: [ok(`${newSystem}\n`)], copy: [ok()] };
const why = "kernel linux-6.12 -> linux-6.18";
const rebooting = ok({ outcome: "rebooting", reason: why, bootId: "b-1", token: "t1" });
const activation = { token: "t1", wanted: newSystem, recorded: oldSystem };
const onItsWay = status({ phase: "rebooting", activation });
const up = { system: newSystem, booted: newSystem, bootId: "b-2", confirmed: false, activation };
const open = status({ ...up, phase: "waiting" });
const done = { outcome: "confirmed", running: newSystem, booted: newSystem, bootId: "b-2", token: "t1" };
const deploySet = { at: "2026-01-02T03:04:05Z", closure: newSystem, commit: "c0ffee", by: "ann@desk" };

const outcome: typeof outcomeOf = (w, more = { reboot: "allow" }) => outcomeOf(w, more);

describe("through a reboot", () => {
  test("the host is polled until it waits on the new system, and confirmed there", async () => {
    const booting = status({ ...up, phase: "checking" });
    const w = world({
      ...prepared,
      activate: [rebooting],
      confirm: [ok({ ...done, deploy: deploySet })],
      status: [ok(onItsWay), refusedConnection, lost, ok(booting), ok(open)],
    });
    const result = await outcome(w);
    expect(result).toMatchObject({ outcome: "confirmed", running: newSystem, booted: newSystem });
    expect(result.provenance).toEqual(deploySet);
    expect(w.kinds().slice(-3)).toEqual(["status", "confirm", "close"]);
  });

  test("the shutdown cuts off the answer: the same", async () => {
    const w = world({
      ...prepared,
      activate: [lost],
      confirm: [ok(done)],
      status: [refusedConnection, ok(open)],
    });
    expect(await outcome(w)).toMatchObject({ outcome: "confirmed", booted: newSystem });
  });

  test.each([
    ["the boot id is the one from before", { ...done, bootId: "b-1" }, /never rebooted/],
    ["a different system was booted", { ...done, booted: oldSystem }, /the machine booted .*a{32}/],
  ])("confirmed, but %s: failed", async (_, line, reason) => {
    const w = world({ ...prepared, activate: [rebooting], confirm: [ok(line)], status: [ok(open)] });
    const result = await outcome(w);
    expect(result).toMatchObject({ outcome: "failed", step: "reboot", running: newSystem });
    expect(result.reason).toMatch(reason);
  });

  test("the host rolled back by itself: rolled back, with its reason", async () => {
    const last = { outcome: "rolled-back", step: "health", reason: "web: status 502", token: "t1" } as const;
    const w = world({
      ...prepared,
      activate: [rebooting],
      status: [refusedConnection, ok(status({ ...up, phase: "returning" })), lost, ok(status({ last }))],
    });
    expect(await outcome(w)).toMatchObject({
      outcome: "rolled-back",
      step: "health",
      reason: "web: status 502",
      running: oldSystem,
    });
  });

  test("a machine that never comes up: the wait is bounded, and the deploy fails at confirm", async () => {
    const w = world({ ...prepared, activate: [rebooting], status: [refusedConnection] });
    const result = await outcome(w, {
      reboot: "allow",
      seconds: { reboot: 7, switch: 1, health: 0, confirm: 0 },
    });
    expect(result).toMatchObject({ outcome: "failed", step: "confirm" });
    expect(result.reason).toContain(
      `${activationBudget(spec({ seconds: { switch: 1, health: 0, confirm: 0 } })) + 28} s`,
    );
  });
});

test("staged: reported with its reason, not a failure, and holds no wave", async () => {
  const reason = "waits for a reboot, which the inventory forbids a deploy: dbus -> broker";
  const line = {
    outcome: "staged",
    step: "reboot",
    reason,
    running: oldSystem,
    booted: oldSystem,
    wanted: newSystem,
    token: "t1",
  };
  const w = world({ ...prepared, activate: [ok(line)] });
  const result = await outcome(w, {});
  expect(result).toMatchObject({ outcome: "staged", step: "reboot", reason, running: oldSystem });
  expect(verdictText([{ result, converge: "must" }])).toEqual({
    failed: false,
    text: `the required host converged\nweb: staged, boots next: ${reason}`,
  });
  expect(heldBy([{ result, converge: "must" }])).toEqual([]);
});

test("a kernel that waits for a reboot is a warning of a confirmed host, in the verdict too", async () => {
  const waiting = ok({ outcome: "waiting", running: newSystem, token: "t1" });
  const line = { ...done, booted: oldSystem, waits: why };
  const w = world({ ...prepared, activate: [waiting], confirm: [ok(line)] });
  const result: DeployResult = await outcome(w, {});
  expect(result).toMatchObject({
    outcome: "confirmed",
    warnings: [`takes effect at the next reboot: ${why}`],
  });
  expect(verdictText([{ result, converge: "must" }]).text).toContain(
    `warning: | takes effect at the next reboot: ${why}`,
  );
});

test("the provenance reaches the host on standard input, and its refusal is reported", async () => {
  const provenance = { commit: "c0ffee", dirty: true, by: "ann@desk" };
  const refused = printed({ outcome: "refused", step: "arguments", reason: "stdin is not one flat" }, 2);
  const w = world({ ...prepared, activate: [refused], status: [ok(status())] });
  expect(await outcome(w, { provenance })).toMatchObject({ outcome: "failed", step: "arguments" });
  const activateCommand = w.commands[w.kinds().indexOf("activate")];
  expect(activateCommand?.input).toBe(`${JSON.stringify(provenance)}\n`);
  expect(activateCommand?.argv.join(" ")).not.toContain("c0ffee");
});

describe("the token", () => {
  const token = (more: Parameters<typeof status>[0]) => {
    const probe: Probe = { reached: true, user: "deploy", status: status(more) };
    return [
      wantedToken({ outPath: newSystem, probe, converge: "must", fresh: "fresh" }),
      deployReason(newSystem, probe),
    ];
  };
  const staged = { token: "t1", wanted: newSystem };
  const waits = { system: oldSystem, profile: newSystem, bootDefault: newSystem, staged };

  test("of a staged system stays while it waits: no change until a reboot", () => {
    expect(token(waits)).toEqual(["t1", undefined]);
    expect(token({ ...waits, bootDefault: null })).toEqual(["t1", undefined]);
    const rebooted = { system: newSystem, booted: newSystem, token: "t0", confirmed: false, staged: null };
    expect(token(rebooted)).toEqual(["fresh", "the wanted system runs, but was never confirmed"]);
  });

  test.each([
    ["a different system is wanted", { staged: { token: "t1", wanted: oldSystem } }],
    ["the boot default was changed", { bootDefault: oldSystem }],
    ["the profile was changed", { profile: oldSystem }],
    ["something is under way", { phase: "switching" }],
  ])("of a staged system is fresh when %s", (_, more) => {
    const [given, reason] = token({ ...waits, ...more });
    expect(given).toBe("fresh");
    expect(reason).toBeDefined();
  });

  test("is fresh while the kernel is not the booted one, if a deploy may reboot", () => {
    const runs = {
      system: newSystem,
      token: "t1",
      kernel: "/nix/store/x-6.18",
      bootedKernel: "/nix/store/x-6.12",
    };
    expect(token({ ...runs, reboot: "allow" })).toEqual(["fresh", "its kernel is not booted yet"]);
    expect(token({ ...runs, reboot: "never" })).toEqual(["t1", undefined]);
    expect(token({ ...runs, reboot: "allow", bootedKernel: runs.kernel })).toEqual(["t1", undefined]);
    expect(token({ ...runs, reboot: "allow", bootedKernel: null })).toEqual(["t1", undefined]);
  });
});
