import { type DeployResult, withRunning } from "../../../components/nixos-host/result.ts";
import { newSystem, oldSystem, status } from "./fixtures.ts";

const result = (more: Partial<DeployResult>): DeployResult => ({
  ...{ schemaVersion: 1, host: "web", outcome: "failed", token: "t", seconds: {} },
  ...more,
});
const seen = status({ system: oldSystem, generation: 7 });

test.each(["wave", "build", "sign", "push", "copy"])(
  "ended at %s: what ran before the run still runs",
  (step) => {
    expect(withRunning(result({ step }), seen)).toMatchObject({ running: oldSystem, generation: 7 });
  },
);

test("what the deploy itself learned, or an activation with an unknown end, is left as told", () => {
  const told = result({ step: "copy", running: newSystem });
  expect(withRunning(told, seen)).toEqual(told);
  const unknown = result({ step: "activate" });
  expect(withRunning(unknown, seen)).toEqual(unknown);
});

test("a host that did not answer stays unknown", () => {
  const unreached = result({ step: "copy" });
  expect(withRunning(unreached, undefined)).toEqual(unreached);
});
