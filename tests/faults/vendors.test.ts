import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Fault, FaultRuleInput } from "../../sandbox/vendors/faults.ts";
import { edit, WITH_DB } from "./fleet.ts";
import { differences, lostIdentities, type Observation, observe } from "./observe.ts";
import { type Finished, type Snapshot, World } from "./world.ts";

// Vendors that limit requests, fail, are slow, accept and stay silent, or whose answers are not theirs, in
// a preview, an up and a refresh. Each command ends by itself within the bound of a run (world.ts) and names the vendor; the
// next up ends as an undisturbed one.

jest.setTimeout(60 * 60_000);

const WHOLE = process.env["PANTHEROS_FAULTS"] === "all";
const VENDORS = ["hetzner", "cloudflare", "tailscale", "s3"];
/** Patterns of an engine's error: the vendor's resource types and addresses. */
const NAMES: Readonly<Record<string, RegExp>> = {
  hetzner: /hcloud[:/]/,
  cloudflare: /cloudflare[:/]|Cloudflare: /,
  tailscale: /tailscale[:/]/,
  s3: /aws[:/]/,
};

/** An edit that changes something at every vendor. */
const edited = [
  ['content = "v=spf1 -all"', 'content = "v=spf1 mx -all"'],
  ["noncurrent_days = 30", "noncurrent_days = 14"],
  ['admins = ["admin@example.test"]', 'admins = ["admin@example.test", "other@example.test"]'],
  ['server_type = "cx23"', 'server_type = "cx23", labels = { tier = "one" }'],
].reduce((fleet, [from = "", to = ""]) => edit(fleet, from, to), WITH_DB);

let world: World;
let start: Snapshot;
let before: Observation;
let undisturbed: Observation;

const preview = () => world.pulumi(["preview"]);
const refresh = () => world.pulumi(["refresh", "--yes", "--skip-preview", "--suppress-outputs"]);
const up = () => world.up();
const COMMANDS: Readonly<Record<string, () => Promise<Finished>>> = { preview, up, refresh };

beforeAll(async () => {
  world = await World.make("sandbox");
  await world.startVendors();
  await world.write(WITH_DB);
  const made = await world.up();
  if (made.code !== 0) throw new Error(made.output);
  await world.write(edited);
  start = await world.snapshot(mkdtempSync(join(tmpdir(), "pantheros-start-")));
  await world.restore(start);
  await world.write(edited);
  before = observe(world);
  const done = await world.up();
  if (done.code !== 0) throw new Error(done.output);
  undisturbed = observe(world);
});

afterAll(async () => {
  await world?.remove();
  if (start !== undefined) rmSync(start.directory, { recursive: true, force: true });
});

/** Runs a command under fault rules, then an undisturbed up, after a refresh if asked; nothing may be lost. */
async function disturbed(command: string, rules: readonly FaultRuleInput[], { refreshed = false } = {}) {
  await world.restore(start);
  await world.write(edited);
  world.switchOn(...rules);
  const run = await (COMMANDS[command] ?? up)();
  const hits = world.switchOff().flatMap((line) => ("hit" in line ? [line] : []));
  if (refreshed) await refresh();
  const second = await world.up();
  if (second.code !== 0) throw new Error(`the up afterwards: ${second.output}\nbefore it: ${run.output}`);
  const found = observe(world);
  expect([
    ...differences(undisturbed.same, found.same),
    ...lostIdentities(before, undisturbed, found),
  ]).toEqual([]);
  expect(run.output).not.toContain("(ended after");
  return { ...run, hit: [...new Set(hits.map(({ vendor }) => vendor))].sort() };
}

const eachVendor = (rule: FaultRuleInput): FaultRuleInput[] =>
  VENDORS.map((vendor) => ({ requests: "all", vendor, ...rule }));

const commands = WHOLE ? ["preview", "up", "refresh"] : ["up"];
/** A preview sends requests to Cloudflare only, for the zone. */
const requestedBy = (command: string) => (command === "preview" ? ["cloudflare"] : [...VENDORS].sort());

test.each(commands)(
  "%s: rate-limited requests are retried when the vendor's answer says",
  async (command) => {
    const { code, hit, output } = await disturbed(
      command,
      eachVendor({ fault: "rate-limit", times: 2, seconds: 1 }),
    );
    expect([code, code === 0 ? "" : output]).toEqual([0, ""]);
    expect(hit).toEqual(requestedBy(command));
  },
);

test.each(commands)("%s: an answer after 30 s is waited for", async (command) => {
  const { code, hit, output } = await disturbed(command, eachVendor({ fault: "slow", seconds: 30 }));
  expect([code, code === 0 ? "" : output]).toEqual([0, ""]);
  expect(hit).toEqual(requestedBy(command));
});

/** Runs a command while a vendor is down. */
async function outage(command: string, vendor: string, fault: Fault) {
  const { code, hit, output } = await disturbed(command, [{ fault, vendor, requests: "all", times: 0 }]);
  if (command === "preview" && vendor !== "cloudflare") {
    expect([code, hit]).toEqual([0, []]);
    return;
  }
  expect(hit).toEqual([vendor]);
  expect(code).not.toBe(0);
  expect(output).toMatch(NAMES[vendor] ?? /./);
  expect(output).toMatch(/run the same command again|tools\/pantheros recover|check the endpoint/);
}

const vendors = WHOLE ? VENDORS : ["hetzner"];
const cases = commands.flatMap((command) => vendors.map((vendor) => [command, vendor] as const));

test.each(cases)(
  "%s while %s answers 5xx: the command ends and names the vendor",
  async (command, vendor) => {
    await outage(command, vendor, "unavailable");
  },
);

test.each(WHOLE ? cases : ([["preview", "cloudflare"]] as const))(
  "%s while %s accepts and stays silent: it ends, and names the vendor",
  async (command, vendor) => {
    await outage(command, vendor, "silent");
  },
);

/** Answers of a connection that breaks, and of a proxy, a captive portal or a wrong endpoint. */
const FOREIGN = ["cut-answer", "empty", "login-page", "redirect"] as const;
const foreign = FOREIGN.flatMap((fault) =>
  cases.map(([command, vendor]) => [command, vendor, fault] as const),
);

/**
 * The providers of these read no answer to a change of a policy or of a bucket's settings, so that the change counts
 * as done (tailscale-client-go v2, `do` without an output; S3 itself answers nothing). A refresh finds the difference.
 */
const READS_NO_ANSWER = ["tailscale", "s3"];

test.each(WHOLE ? foreign : ([["up", "cloudflare", "login-page"]] as const))(
  "%s while the answers of %s are not its own (%s): it ends, and names the vendor",
  async (command, vendor, fault) => {
    if (!READS_NO_ANSWER.includes(vendor)) {
      await outage(command, vendor, fault);
      return;
    }
    const rule = { fault, vendor, requests: "all", times: 0 } as const;
    const { code, output } = await disturbed(command, [rule], { refreshed: true });
    if (code !== 0) expect(output).toMatch(NAMES[vendor] ?? /./);
  },
);
