import { withPower } from "../../../components/nixos-host/power.ts";
import { type DeployResult, withRunning } from "../../../deployer/protocol/result.ts";
import { newSystem, oldSystem, status } from "./fixtures.ts";

const result = (more: Partial<DeployResult>): DeployResult => ({
  schemaVersion: 1,
  host: "web",
  outcome: "failed",
  token: "t",
  seconds: {},
  ...more,
});
const seen = status({ system: oldSystem, generation: 7 });

test.each(["identity", "wave", "build", "sign", "push", "copy"])(
  "ended at %s: the system that the probe found still runs",
  (step) => {
    expect(withRunning(result({ step }), seen)).toMatchObject({ running: oldSystem, generation: 7 });
  },
);

test("a result with a running system, or of an activation, is left as it is", () => {
  const complete = result({ step: "copy", running: newSystem });
  expect(withRunning(complete, seen)).toMatchObject({ running: newSystem });
  expect(withRunning(complete, seen)).not.toHaveProperty("generation");
  const unknown = result({ step: "activate" });
  expect(withRunning(unknown, seen)).toEqual(unknown);
});

test("the booted system is the host's answer, unless a deploy of this run may have changed it", () => {
  const booted = status({ system: newSystem, booted: newSystem, token: "t" });
  const confirmed = result({ outcome: "confirmed", running: newSystem, booted: oldSystem });
  expect(withRunning(confirmed, booted).booted).toBe(newSystem);
  expect(withRunning({ ...confirmed, token: "next" }, booted).booted).toBe(oldSystem);
  expect(withRunning(result({ step: "build", token: "next" }), booted).booted).toBe(newSystem);
});

test("without an answer to the probe the running system stays unknown", () => {
  const unreached = result({ step: "copy" });
  expect(withRunning(unreached, undefined)).toEqual(unreached);
});

test("if a host was not reached and its server is off, that is the reason, with its hint", () => {
  const off = { is: "off", reason: "the server is off", hint: "power it on" } as const;
  const lost = result({ step: "connect", reason: "Connection timed out", hint: "look at its firewall" });
  expect(withPower(lost, off)).toEqual({
    ...lost,
    reason: "Connection timed out\nthe server is off",
    hint: "power it on",
  });
  expect(withPower(lost, { is: "starting" })).toEqual(lost);
  expect(withPower(lost, undefined)).toEqual(lost);
  const built = result({ step: "build", reason: "no such attribute" });
  expect(withPower(built, off)).toEqual(built);
});
