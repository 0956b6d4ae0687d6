import { getuid } from "node:process";
import { ADOPTED_ONLY } from "./fleet.ts";
import { readRecords, recordsOf } from "./record/compute.ts";
import { changeSystem, combined, runIn, SETTINGS, settingName } from "./runners.ts";
import { World } from "./world.ts";

// Each odd but legal environment of a runner, in a preview and in an up that deploys: it ends well, or
// with one message that names the cause and the remedy. PANTHEROS_FAULTS=all runs each setting alone;
// otherwise settings that do not touch each other share a run.

jest.setTimeout(60 * 60_000);

const possible = SETTINGS.filter(({ needsRoot }) => needsRoot !== true || getuid?.() === 0);
const sets =
  process.env["PANTHEROS_FAULTS"] === "all" ? possible.map((setting) => [setting]) : combined(possible);

let world: World;
beforeAll(async () => {
  world = await World.make("sandbox");
  await world.startVendors();
  await world.write(ADOPTED_ONLY);
  const made = await world.up();
  if (made.code !== 0) throw new Error(made.output);
});
afterAll(() => world?.remove());

/** A stack trace of Node or Go. */
const TRACE = /^\s+at .*:\d+:\d+\)?$|^goroutine \d+/m;

test.each(sets.map((set, at) => [set.map(settingName).join(", "), set, at] as const))(
  "%s",
  async (_, set, at) => {
    const refused = set.find((setting) => setting.refused !== undefined)?.refused;
    changeSystem(world, `system ${at}`);
    const before = readRecords(recordsOf(world.directory))["198.51.100.20"]?.["system"];
    for (const args of [["preview"], ["up", "--yes", "--skip-preview", "--suppress-outputs"]]) {
      const { code, output } = await runIn(world, set, args);
      expect(output).not.toMatch(TRACE);
      if (refused === undefined) {
        expect([code, code === 0 ? "" : output]).toEqual([0, ""]);
      } else {
        expect(code).not.toBe(0);
        expect(output.trim().split("\n")).toHaveLength(1);
        expect(output).toMatch(refused);
      }
    }
    const after = readRecords(recordsOf(world.directory))["198.51.100.20"]?.["system"];
    expect(after === before).toBe(refused !== undefined);
  },
);

(possible.length < SETTINGS.length ? test.skip : test)(
  "settings that only root can make are tested too",
  () => {
    expect(sets.flat()).toHaveLength(SETTINGS.length);
  },
);
