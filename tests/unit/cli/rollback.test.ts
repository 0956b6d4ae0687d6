import { readFileSync } from "node:fs";
import { decide, Refusal, selectedHosts, selectedPinnedHosts } from "../../../cli/rollback/decide.ts";
import { removePinsArgv, setPinsArgv, upArgv } from "../../../cli/rollback/pins.ts";
import { checkRollback } from "../../../cli/rollback/rollback.ts";
import { probeArgsOf } from "../../../cli/stack/probe-args.ts";
import type { Probe } from "../../../deployer/probe.ts";
import { parseInventory } from "../../../inventory/load.ts";
import { planFor } from "../../../inventory/plan.ts";
import type { StackOutputs } from "../../../outputs/contract.ts";
import { settingsFrom } from "../../../settings/settings.ts";
import { status, system } from "../deployer/fixtures.ts";
import { hostKey } from "../mocks.ts";

const text = readFileSync("sandbox/nix/fleet.toml", "utf8").replace("[hosts.web]", "[hosts.web]\nwave = 2");
const plan = planFor(parseInventory(text, "fleet.toml"), "sandbox");
const before = system("p", "web");
const reached = (more: object = {}): Probe => ({
  reached: true,
  user: "deploy",
  status: { ...status(), previous: before, ...more },
});

test("the hosts are given in exactly one way", () => {
  const given = (more: object) => () => checkRollback({ hosts: [], up: true, ...more });
  expect(given({})).toThrow("name the hosts, or give --on SELECTION or --wave N");
  expect(given({ hosts: ["web"], wave: 1 })).toThrow("give hosts, --on or --wave, only one of them");
  expect(given({ hosts: ["web"], on: "@server" })).toThrow("only one of them");
  for (const one of [{ hosts: ["web"] }, { wave: 1 }, { on: "@server" }]) expect(given(one)).not.toThrow();
});

describe("which hosts", () => {
  test("those named, or all of a wave", () => {
    expect(selectedHosts(plan, { hosts: ["web"], wave: undefined })).toEqual(["web"]);
    expect(selectedHosts(plan, { hosts: [], wave: 1 })).toEqual(["db", "legacy"]);
  });

  test("unknown hosts and waves are refused, with the known ones", () => {
    expect(() => selectedHosts(plan, { hosts: ["web", "x"], wave: undefined })).toThrow(
      'unknown host "x"; hosts are db, legacy, web (of this stack)',
    );
    expect(() => selectedHosts(plan, { hosts: [], wave: 9 })).toThrow(
      "wave 9 has no host in this stack; its waves are 1, 2",
    );
  });

  test("a release selects pinned hosts, also one that left the inventory", () => {
    const pins = { db: before, gone: before };
    expect(selectedPinnedHosts(plan, { hosts: ["gone"], wave: undefined }, pins)).toEqual(["gone"]);
    expect(selectedPinnedHosts(plan, { hosts: [], wave: 1 }, pins)).toEqual(["db"]);
    expect(() => selectedPinnedHosts(plan, { hosts: ["web"], wave: undefined }, pins)).toThrow(
      "web: is not pinned; pinned hosts: db, gone",
    );
    expect(() => selectedPinnedHosts(plan, { hosts: [], wave: 2 }, pins)).toThrow(
      "wave 2: none of its hosts is pinned",
    );
  });
});

describe("the target of each host", () => {
  test("is the system that was committed before", () => {
    expect(decide(new Map([["web", reached()]]), {})).toEqual({
      pins: { web: before },
      notes: [`web: back to ${before}`],
    });
  });

  test("a host that is named like a property of every object is not pinned", () => {
    const { pins } = decide(new Map([["constructor", reached()]]), {});
    expect(Object.entries(pins)).toEqual([["constructor", before]]);
  });

  test("a pinned host keeps its pin, whatever its status", () => {
    expect(decide(new Map([["web", reached({ previous: system("n", "web") })]]), { web: before })).toEqual({
      pins: {},
      notes: [`web: already pinned to ${before}`],
    });
  });

  test("one host that cannot roll back refuses all, and each such host is named", () => {
    const answers = new Map<string, Probe>([
      ["web", reached()],
      ["db", reached({ previous: null })],
      ["busy", reached({ phase: "checking" })],
      ["away", { reached: false, reason: "Connection refused", hint: "look" }],
    ]);
    const refused = () => decide(answers, {});
    expect(refused).toThrow(Refusal);
    expect(refused).toThrow(
      [
        "db: no previous generation: it has had only one confirmed system since its first deploy",
        "busy: an activation is running (checking); try again when it has ended",
        "away: does not answer: Connection refused",
        "  hint: look",
      ].join("\n"),
    );
  });

  test("a best-effort host of a wave may be offline", () => {
    const answers = new Map<string, Probe>([["laptop", { reached: false, reason: "no answer" }]]);
    expect(decide(answers, {}, ["laptop"])).toEqual({
      pins: {},
      notes: ["laptop: skipped: a best-effort host that does not answer"],
    });
  });
});

test("one command writes all pins, and one removes them", () => {
  expect(setPinsArgv({ web: before, "web-1": before })).toEqual([
    ...["config", "set-all", "--path"],
    ...["--plaintext", `pantheros:pins["web"]=${before}`],
    ...["--plaintext", `pantheros:pins["web-1"]=${before}`],
  ]);
  expect(removePinsArgv(["web"])).toEqual(["config", "rm-all", "--path", 'pantheros:pins["web"]']);
});

test("a status is read from the deploy address, with the published host key", () => {
  const outputs = {
    hosts: {
      web: { addresses: { ipv4: "203.0.113.11" }, hostKey, health: [] },
      legacy: { addresses: {}, hostKey, health: [] },
    },
  } as unknown as StackOutputs;
  const settings = settingsFrom({
    stack: "sandbox",
    get: (key) => ({ addresses: { legacy: "198.51.100.99" } })[key],
    env: () => undefined,
  });
  const asked = (host: string, of = plan) => probeArgsOf({ plan: of, settings, outputs }, host, 3);
  expect(asked("web")).toMatchObject({
    host: "web",
    address: "203.0.113.11",
    user: "deploy",
    hostKey,
    maybeUnmanaged: false,
    timeoutSeconds: 3,
    connectSeconds: 3,
  });
  expect(asked("legacy")).toMatchObject({ address: "198.51.100.99", port: 22 });
  expect(asked("db")).toBe("the stack has never deployed it");
  const moved = text
    .replace('address = "198.51.100.20"', 'address = "198.51.100.20", ssh_port = 2200')
    .replace("[hosts.legacy]", "[hosts.legacy]\nssh = { port = 22, former_port = 2022 }");
  const forwarded = planFor(parseInventory(moved, "f"), "sandbox");
  expect(asked("legacy", forwarded)).toMatchObject({ port: 2200, formerPort: 2022 });
  const behind = text.replace("[hosts.legacy]", '[hosts.legacy]\nwave = 2\nssh = { jump = "web" }');
  const jumped = planFor(parseInventory(behind.replace('"public"', '"tailnet"'), "f"), "sandbox");
  expect(asked("legacy", jumped)).toMatchObject({
    address: "198.51.100.99",
    jumps: [{ host: "web", address: "web.tail0000.ts.net", port: 22, user: "deploy", hostKey }],
  });
  const tailnet = planFor(parseInventory(text.replace('"public"', '"tailnet"'), "f"), "sandbox");
  expect(asked("web", tailnet)).toMatchObject({ address: "web.tail0000.ts.net" });
});

describe("a host in the tailnet", () => {
  const tailnetText = text.replace('"public"', '"tailnet"');
  const settings = settingsFrom({ stack: "sandbox", get: () => undefined, env: () => undefined });
  const published = (name: string) => ({ addresses: { tailnet: name }, hostKey, health: [] });
  const outputs = {
    hosts: { web: published("web-1.tail0000.ts.net"), legacy: published("legacy.tail0000.ts.net") },
  } as unknown as StackOutputs;

  test("is asked under the name that the outputs have", () => {
    const joined = planFor(parseInventory(tailnetText, "f"), "sandbox");
    expect(probeArgsOf({ plan: joined, settings, outputs }, "web", 3)).toMatchObject({
      address: "web-1.tail0000.ts.net",
    });
  });

  test("is asked through a jump host under the name that the outputs have", () => {
    const behind = tailnetText.replace("[hosts.legacy]", '[hosts.legacy]\nwave = 2\nssh = { jump = "web" }');
    const jumped = planFor(parseInventory(behind, "f"), "sandbox");
    expect(probeArgsOf({ plan: jumped, settings, outputs }, "legacy", 3)).toMatchObject({
      jumps: [{ host: "web", address: "web-1.tail0000.ts.net" }],
    });
  });
});

test("a jump host without a pinned key is the reason of the hosts behind it alone", () => {
  const behind = text.replace(
    "[hosts.legacy]",
    '[hosts.legacy]\nssh = { jump = { address = "gate.example.test" } }',
  );
  const jumped = planFor(parseInventory(behind, "f"), "sandbox");
  const published = { addresses: { ipv4: "203.0.113.11" }, hostKey, health: [] };
  const outputs = { hosts: { web: published, legacy: published } } as unknown as StackOutputs;
  const asked = (knownHosts: string, host: string) => {
    const env = (name: string) => (name === "PANTHEROS_KNOWN_HOSTS" ? knownHosts : undefined);
    const settings = settingsFrom({ stack: "sandbox", get: () => undefined, env });
    return probeArgsOf({ plan: jumped, settings, outputs }, host, 3);
  };
  expect(asked("/nonexistent/known_hosts", "legacy")).toMatch(
    /^hosts\.legacy\.ssh\.jump: no host key is pinned for gate\.example\.test; set host_key/,
  );
  expect(asked("/nonexistent/known_hosts", "web")).toMatchObject({ address: "203.0.113.11" });
  // A directory cannot be read as a file.
  expect(asked("tests", "legacy")).toMatch(/EISDIR/);
});

test("the run after a rollback deploys to as many hosts at once as tools/pulumi up", () => {
  const words = readFileSync("tools/pulumi", "utf8");
  const [, parallel] = /PANTHEROS_PARALLEL:-(\d+)/.exec(words) ?? [];
  expect(upArgv("rollback web", {}).join(" ")).toMatch(new RegExp(`--parallel ${parallel}$`));
  expect(upArgv("rollback web", { PANTHEROS_PARALLEL: "4" })).toContain("4");
});
