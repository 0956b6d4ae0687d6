import {
  installTriggers,
  isReinstall,
  type TriggerArgs,
} from "../../../components/nixos-host/install-triggers.ts";
import type { Probe } from "../../../deployer/probe.ts";
import { status } from "../deployer/fixtures.ts";

const reached: Probe = { reached: true, user: "deploy", status: status() };
const silent: Probe = { reached: false, reason: "no answer in time" };
const stranger: Probe = { reached: false, reason: "Host key verification failed." };
const id = "f".repeat(32);
const base: TriggerArgs = { machineId: "42", probe: reached, previous: undefined, fresh: "fresh" };
const done = (...triggers: string[]) => ({ triggers, done: true });
const failed = (...triggers: string[]) => ({ triggers, done: false });

test.each<[string, Partial<TriggerArgs>, [string, string]]>([
  ["installed, and answers", { previous: done("42", "m") }, ["42", "m"]],
  ["installed, and is off", { previous: done("42", "m"), probe: silent }, ["42", "m"]],
  ["failed, and does not answer", { previous: failed("42", "m"), probe: silent }, ["42", "fresh"]],
  ["failed, and answers all the same", { previous: failed("42", "m") }, ["42", "present"]],
  ["never seen, and does not answer", { probe: silent }, ["42", "fresh"]],
  ["never seen, and answers: installed by other means", {}, ["42", "present"]],
  ["replaced by another server", { previous: done("41", "m"), probe: silent }, ["42", "fresh"]],
  [
    "installed, and something shows another key",
    { previous: done("42", "m"), probe: stranger },
    ["42", "fresh"],
  ],
  ["reinstall is asked for", { previous: done("42", "m"), reinstall: id }, [`42 reinstall ${id}`, "present"]],
  [
    "reinstall was done",
    { previous: done(`42 reinstall ${id}`, "m"), reinstall: id },
    [`42 reinstall ${id}`, "m"],
  ],
  ["reinstall was taken out", { previous: done(`42 reinstall ${id}`, "m") }, [`42 reinstall ${id}`, "m"]],
  [
    "reinstall names another one than before",
    { previous: done(`42 reinstall ${"e".repeat(32)}`, "m"), reinstall: id },
    [`42 reinstall ${id}`, "present"],
  ],
  ["a server whose id begins with another's", { previous: done("421", "m"), probe: silent }, ["42", "fresh"]],
])("a machine that is %s", (_, more, triggers) => {
  expect(installTriggers({ ...base, ...more })).toEqual(triggers);
});

test("a machine may be another system afterwards only in the run that was asked to wipe it", () => {
  const wanted = [`42 reinstall ${id}`, "present"];
  expect(isReinstall(id, wanted, done("42", "m"))).toBe(true);
  expect(isReinstall(id, wanted, done(`42 reinstall ${id}`, "m"))).toBe(false);
  expect(isReinstall(undefined, ["42", "m"], done("42", "m"))).toBe(false);
});
