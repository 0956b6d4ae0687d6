import * as fc from "fast-check";
import { heldBy, hostsToAwait, inWaveOrder, type WaveHost } from "../../../components/nixos-host/waves.ts";
import {
  type DeployResult,
  deployOutcome,
  readDeployResult,
  summary,
} from "../../../deployer/protocol/result.ts";
import { newSystem } from "../deployer/fixtures.ts";

const host = (name: string, wave: number, converge: WaveHost["converge"] = "must"): WaveHost => ({
  name,
  wave,
  converge,
});
const result = (name: string, outcome: DeployResult["outcome"]): DeployResult => ({
  schemaVersion: 1,
  host: name,
  outcome,
  token: "t",
  seconds: {},
});
const fleet = [host("c", 5), host("b", 1), host("a", 1), host("laptop", 2, "best-effort")];

test("the order of hosts, and the hosts that each one waits for", () => {
  expect(inWaveOrder(fleet).map(({ name }) => name)).toEqual(["a", "b", "laptop", "c"]);
  expect(hostsToAwait(fleet)).toEqual({ a: [], b: [], laptop: ["a", "b"], c: ["laptop"] });
});

test("hosts of one wave never wait for each other, and there is no cycle", () => {
  const fleets = fc.uniqueArray(
    fc.record({ name: fc.string({ minLength: 1 }), wave: fc.integer({ min: 1, max: 4 }) }),
    {
      selector: ({ name }) => name,
    },
  );
  fc.assert(
    fc.property(fleets, (hosts) => {
      const waved = hosts.map(({ name, wave }) => host(name, wave));
      const waits = hostsToAwait(waved);
      const waveOf = new Map(waved.map(({ name, wave }) => [name, wave]));
      for (const { name, wave } of waved) {
        for (const earlier of waits[name] ?? []) expect(waveOf.get(earlier)).toBeLessThan(wave);
        const earlierExists = waved.some((other) => other.wave < wave);
        expect((waits[name] ?? []).length > 0).toBe(earlierExists);
      }
    }),
  );
});

test("a canary that fails holds every later wave, also through a wave of laptops", () => {
  const outcomes = new Map<string, DeployResult>();
  const waits = hostsToAwait(fleet);
  for (const { name } of inWaveOrder(fleet)) {
    const earlier = (waits[name] ?? []).map((before) => ({
      result: outcomes.get(before) ?? result(before, "failed"),
      converge: fleet.find((each) => each.name === before)?.converge ?? "must",
    }));
    const held = heldBy(earlier).length > 0;
    outcomes.set(name, result(name, name === "a" ? "rolled-back" : held ? "held" : "confirmed"));
  }
  expect([...outcomes].map(([name, { outcome }]) => [name, outcome])).toEqual([
    ...[
      ["a", "rolled-back"],
      ["b", "confirmed"],
      ["laptop", "held"],
      ["c", "held"],
    ],
  ]);
});

test("a best-effort host that is offline or fails holds no host", () => {
  for (const outcome of ["offline", "failed", "rolled-back"] as const) {
    expect(heldBy([{ result: result("laptop", outcome), converge: "best-effort" }])).toEqual([]);
  }
  expect(heldBy([{ result: result("web", "failed"), converge: "must" }])).toEqual(["web (failed)"]);
});

test("a stored result is read unchanged; any other text is a failure", () => {
  const kept = { ...result("web", "confirmed"), running: newSystem };
  expect(readDeployResult("web", JSON.stringify(kept))).toEqual(kept);
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(readDeployResult("web", text)).toMatchObject({ host: "web", outcome: "failed", step: "result" });
    }),
  );
});

test("the summary of every outcome is one line", () => {
  for (const outcome of deployOutcome.options) {
    const line = summary({ ...result("web", outcome), step: "activate", reason: "first\nlast" });
    expect(line).toBe(`web: ${outcome} at activate: last`);
  }
});
