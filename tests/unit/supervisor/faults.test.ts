/**
 * The table of faults, see faults.ts. `make test` runs a fixed sample; PANTHEROS_FAULTS=all runs every case
 * (`make faults`).
 */
import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { attempt, type Fault, faultsOf, type Scenario, scenarios } from "./faults.ts";

jest.setTimeout(4 * 3600_000);

const whole = process.env["PANTHEROS_FAULTS"] === "all";
/** Cases of each scenario in the sample. */
const sampled = 24;
/** Cases in parallel, which mostly wait. */
const workers = availableParallelism() * 4;

const nameOf = ({ side, command, occurrence, kind }: Fault) => `${side}: ${command} #${occurrence} ${kind}`;
const rank = (scenario: Scenario) => (fault: Fault) =>
  createHash("sha256")
    .update(scenario.name + nameOf(fault))
    .digest("hex");

/** Always in the sample, because it broke a promise once: an unreadable link ended a rollback through a boot. */
const BROKE_ONCE = /^run: readlink #(?:9|1[0-2]) fails$/;

/** The sample has no hangs, because each takes as long as its time limit. */
function sampleOf(scenario: Scenario, faults: readonly Fault[]): Fault[] {
  const order = rank(scenario);
  const quick = faults.filter(({ kind }) => kind !== "hangs");
  const sample = quick.sort((a, b) => (order(a) < order(b) ? -1 : 1)).slice(0, sampled);
  const before = quick.filter((fault) => BROKE_ONCE.test(nameOf(fault)) && !sample.includes(fault));
  return [...sample, ...before];
}

test.each(scenarios)("a fault at every command: $name", async (scenario) => {
  const all = await faultsOf(scenario);
  expect(all.length).toBeGreaterThan(200);
  const chosen = whole ? all : sampleOf(scenario, all);
  const queue = [...chosen];
  const broken: Record<string, string[]> = {};
  const worker = async () => {
    for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
      const promises = await attempt(scenario, fault);
      if (promises.length > 0) broken[nameOf(fault)] = promises;
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  process.stderr.write(
    `faults: ${scenario.name}: ${chosen.length} of ${all.length} cases, ${Object.keys(broken).length} broken\n`,
  );
  expect(broken).toEqual({});
});
