/** Acts on a host, over what its operator program answers. */
import { confirmHost, restartUnit, rollBackHost, unitJournal } from "../../../cli/centre/acts/host-acts.ts";
import type { CallOperator, OperatorAnswer } from "../../../cli/centre/acts/operator.ts";
import { operatorArgv, operatorOf } from "../../../cli/centre/acts/operator.ts";
import type { ProbeArgs } from "../../../deployer/probe.ts";
import { store } from "./fixtures.ts";

const LIMITS = { connect: 1, activation: 10, reboot: 0 };
const WANTED = store("a", "web");

/** A host that answers one after the other, and what it was called with. */
function hostWith(...answers: readonly (object | OperatorAnswer | string)[]) {
  const calls: string[][] = [];
  const left = [...answers];
  const call: CallOperator = async (words) => {
    calls.push([...words]);
    const next = left.shift() ?? "nothing";
    if (typeof next === "string") return { exitCode: 0, stdout: next };
    if ("stdout" in next) return next as OperatorAnswer;
    return { exitCode: 0, stdout: JSON.stringify(next) };
  };
  return { call, calls };
}

test("a rollback is confirmed with its own token, over a connection of its own", async () => {
  const { call, calls } = hostWith(
    { outcome: "waiting", wanted: WANTED },
    { outcome: "confirmed", running: WANTED },
  );
  expect(await rollBackHost(call, WANTED, LIMITS)).toEqual({ ok: true, detail: `confirmed: runs ${WANTED}` });
  const [[first, token], second] = calls as [string[], string[]];
  expect(first).toBe("rollback");
  expect(second).toEqual(["confirm", token]);
});

test("a host that goes to another system than the pinned one is not confirmed", async () => {
  const { call, calls } = hostWith({ outcome: "waiting", wanted: store("b", "web") });
  const result = await rollBackHost(call, WANTED, LIMITS);
  expect(result.ok).toBe(false);
  expect(result.detail).toMatch(/instead of the pinned system/);
  expect(calls).toHaveLength(1);
});

test.each([
  [
    { outcome: "refused", step: "role", reason: "the role guest may not rollback on this host" },
    /refused at role: the role guest may not/,
  ],
  [{ outcome: "rolled-back", step: "health", reason: "x\u001b[31m\nfail" }, /rolled-back at health: x fail/],
  ["not json <b>", /the host answered: not json <b>/],
  ["", /the host answered: nothing/],
  [{ exitCode: 255, stdout: "", trouble: "Connection refused" }, /^Connection refused$/],
])("a rollback that %j ends with the reason", async (answer, reason) => {
  const { call, calls } = hostWith(answer);
  const result = await rollBackHost(call, WANTED, LIMITS);
  expect(result.ok).toBe(false);
  expect(result.detail).toMatch(reason);
  expect(calls).toHaveLength(1);
});

test("a confirmation that fails is the result, and a staged system waits for its reboot", async () => {
  const lost = hostWith({ outcome: "waiting" }, { outcome: "rolled-back", step: "confirm", reason: "late" });
  expect(await rollBackHost(lost.call, WANTED, LIMITS)).toEqual({
    ok: false,
    detail: "rolled-back at confirm: late",
  });
  const { call } = hostWith({ outcome: "staged" });
  expect(await rollBackHost(call, WANTED, LIMITS)).toMatchObject({
    ok: true,
    detail: expect.stringMatching(/next reboot/),
  });
});

const status = (phase: string, token: string | null) => ({
  version: 3,
  system: WANTED,
  booted: WANTED,
  profile: WANTED,
  bootDefault: WANTED,
  generation: 1,
  bootId: null,
  token: null,
  confirmed: false,
  phase,
  activation: phase === "idle" ? null : { token, wanted: WANTED, recorded: null },
});

test("a confirmation is for the system that waits, and for none while none waits", async () => {
  const waiting = hostWith(status("waiting", "token-1"), { outcome: "confirmed" });
  expect((await confirmHost(waiting.call, LIMITS)).ok).toBe(true);
  expect(waiting.calls).toEqual([["status"], ["confirm", "token-1"]]);
  const idle = hostWith(status("idle", null));
  expect(await confirmHost(idle.call, LIMITS)).toMatchObject({ ok: false });
  expect(idle.calls).toEqual([["status"]]);
});

test("a restart and a journal give the host's answer, or why there is none", async () => {
  const restarted = hostWith({ outcome: "restarted", unit: "hello.service", active: "active" });
  expect(await restartUnit(restarted.call, "hello.service", LIMITS)).toEqual({
    ok: true,
    detail: "hello.service was restarted and is active",
  });
  const refused = hostWith({ outcome: "refused", step: "role", reason: "may not" });
  expect(await restartUnit(refused.call, "hello.service", LIMITS)).toEqual({
    ok: false,
    detail: "refused: may not",
  });
  const lines = hostWith("one\u0007\ntwo\n");
  expect(await unitJournal(lines.call, "hello.service", LIMITS)).toBe("one\ntwo\n");
  const no = hostWith({ exitCode: 2, stdout: '{"outcome":"refused","step":"role","reason":"may not"}' });
  await expect(unitJournal(no.call, "hello.service", LIMITS)).rejects.toThrow("refused at role: may not");
});

test("the host is called as the operator, with the role's key and the pinned host key", () => {
  const host: ProbeArgs = {
    host: "web",
    address: "203.0.113.11",
    user: "deploy",
    hostKey: "ssh-ed25519 AAAA",
    maybeUnmanaged: false,
    identity: "/keys/deploy",
  };
  const argv = operatorArgv(host, "/keys/operators/guest", ["rollback", "token-1"]);
  const text = argv.join(" ");
  expect(text).toMatch(/User=pantheros-operator/);
  expect(text).toContain("/keys/operators/guest");
  expect(text).not.toContain("/keys/deploy");
  expect(text).toContain("ssh-ed25519 AAAA");
  expect(argv.at(-1)).toBe("rollback token-1");
  const behind = { ...host, jumps: [{ host: "gate", address: "x", port: 22, user: "deploy", hostKey: "k" }] };
  expect(() => operatorOf(behind, "/keys/operators/guest")).toThrow(/behind the jump host gate/);
});
