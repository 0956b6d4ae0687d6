import {
  installTriggers,
  isReinstall,
  type TriggerArgs,
} from "../../../components/nixos-host/install-triggers.ts";
import type { Probe } from "../../../deployer/probe.ts";
import { status } from "../deployer/fixtures.ts";

const reached: Probe = { reached: true, user: "deploy", status: status() };
const silent: Probe = { reached: false, reason: "no answer in time" };
const otherKey: Probe = { reached: false, reason: "Host key verification failed." };
const id = "f".repeat(32);
const base: TriggerArgs = { machineId: "42", probe: reached, previous: undefined, fresh: "fresh" };
const done = (...triggers: string[]) => ({ triggers, done: true });
const failed = (...triggers: string[]) => ({ triggers, done: false });

test.each<[string, Partial<TriggerArgs>, [string, string]]>([
  ["installed, and answers", { previous: done("42", "m") }, ["42", "m"]],
  ["installed, and is off", { previous: done("42", "m"), probe: silent }, ["42", "m"]],
  ["failed, and does not answer", { previous: failed("42", "m"), probe: silent }, ["42", "fresh"]],
  ["failed, but answers", { previous: failed("42", "m") }, ["42", "present"]],
  ["not in the state, and does not answer", { probe: silent }, ["42", "fresh"]],
  ["not in the state, but answers: installed by other means", {}, ["42", "present"]],
  ["replaced by a different server", { previous: done("41", "m"), probe: silent }, ["42", "fresh"]],
  ["installed, but shows a different key", { previous: done("42", "m"), probe: otherKey }, ["42", "fresh"]],
  ["named by reinstall", { previous: done("42", "m"), reinstall: id }, [`42 reinstall ${id}`, "present"]],
  [
    "named by reinstall and was reinstalled",
    { previous: done(`42 reinstall ${id}`, "m"), reinstall: id },
    [`42 reinstall ${id}`, "m"],
  ],
  [
    "no longer named by reinstall",
    { previous: done(`42 reinstall ${id}`, "m") },
    [`42 reinstall ${id}`, "m"],
  ],
  [
    "named by reinstall after a different id",
    { previous: done(`42 reinstall ${"e".repeat(32)}`, "m"), reinstall: id },
    [`42 reinstall ${id}`, "present"],
  ],
  [
    "a server whose id is the prefix of the former",
    { previous: done("421", "m"), probe: silent },
    ["42", "fresh"],
  ],
])("a machine that is %s", (_, more, triggers) => {
  expect(installTriggers({ ...base, ...more })).toEqual(triggers);
});

test("only the run that reinstalls a machine counts as a reinstall", () => {
  const wanted = [`42 reinstall ${id}`, "present"];
  expect(isReinstall(id, wanted, done("42", "m"))).toBe(true);
  expect(isReinstall(id, wanted, done(`42 reinstall ${id}`, "m"))).toBe(false);
  expect(isReinstall(undefined, ["42", "m"], done("42", "m"))).toBe(false);
});
