import { probeHosts } from "../../../cli/status/status.ts";
import { statusText } from "../../../cli/status/text.ts";
import type { Probe, ProbeArgs } from "../../../deployer/probe.ts";
import type { SupervisorStatus } from "../../../deployer/protocol/supervisor.ts";
import type { HostOutputs } from "../../../outputs/contract.ts";
import { type HostFacts, hostStatus, needsAttention, worstFirst } from "../../../status/classify.ts";
import { newSystem, oldSystem, status } from "../deployer/fixtures.ts";

const published: HostOutputs = {
  addresses: { ipv4: "203.0.113.10" },
  hostKey: "ssh-ed25519 AAAA",
  closure: oldSystem,
  generation: 7,
  health: [],
  outcome: "confirmed",
};
const answers = (more: Partial<SupervisorStatus> = {}): Probe => ({
  reached: true,
  user: "deploy",
  status: status(more),
});
const silent: Probe = { reached: false, reason: "Connection refused" };
const facts = (more: Partial<HostFacts> = {}): HostFacts => ({
  name: "web",
  wave: 1,
  required: true,
  published,
  pin: undefined,
  probe: answers(),
  ...more,
});

describe("the state of a host", () => {
  test.each<[string, Partial<HostFacts>, string, string | undefined]>([
    ["it runs and boots what the last run left", {}, "ok", undefined],
    [
      "it was never deployed",
      { published: undefined, probe: silent },
      "new",
      "the stack has never deployed it",
    ],
    ["a required host is silent", { probe: silent }, "unreachable", "Connection refused"],
    ["a best-effort host is silent", { probe: silent, required: false }, "offline", "Connection refused"],
    [
      "another machine answers",
      { probe: { reached: false, reason: "Host key verification failed." } },
      "failed",
      "Host key verification failed.",
    ],
    [
      "the answer is no status",
      { probe: { reached: false, reason: "not a status", garbled: true }, required: false },
      "failed",
      "not a status",
    ],
    [
      "it runs another confirmed system",
      { probe: answers({ system: newSystem }) },
      "drifted",
      expect.stringContaining("last run left"),
    ],
    [
      "its system is not confirmed",
      { probe: answers({ confirmed: false }) },
      "drifted",
      expect.stringContaining("not the confirmed one"),
    ],
    [
      "it would boot another system",
      { probe: answers({ bootDefault: newSystem }) },
      "drifted",
      "it would boot a different system",
    ],
    [
      "its profile names another system",
      { probe: answers({ profile: newSystem }) },
      "drifted",
      "its profile names a different system",
    ],
    [
      "units failed",
      { probe: answers({ failedUnits: ["nginx.service"] }) },
      "degraded",
      "failed units: nginx.service",
    ],
    ["an activation runs", { probe: answers({ phase: "checking" }) }, "activating", "checking"],
    [
      "the last deploy was rolled back",
      { published: { ...published, outcome: "rolled-back", reason: "unit failed" } },
      "rolled-back",
      "unit failed",
    ],
    ["the last run held it", { published: { ...published, outcome: "held" } }, "held", undefined],
    [
      "it was off and is back",
      { published: { ...published, outcome: "offline" } },
      "held",
      "it was offline in the last run",
    ],
    [
      "a system is staged",
      {
        published: { ...published, outcome: "staged" },
        probe: answers({
          profile: newSystem,
          bootDefault: newSystem,
          staged: { token: "t", wanted: newSystem },
        }),
      },
      "staged",
      "the wanted system boots next",
    ],
    [
      "a staged system was booted",
      {
        published: { ...published, outcome: "staged" },
        probe: answers({ system: newSystem, confirmed: false }),
      },
      "staged",
      expect.stringContaining("rebooted since"),
    ],
    ["it is pinned", { pin: oldSystem }, "pinned", undefined],
    ["it is pinned and runs another system", { pin: newSystem }, "drifted", expect.any(String)],
    ["it was not asked", { probe: undefined }, "ok", undefined],
    [
      "it was not asked and had failed",
      { probe: undefined, published: { ...published, outcome: "failed" } },
      "failed",
      undefined,
    ],
  ])("%s", (_, more, state, detail) => {
    expect(hostStatus(facts(more))).toMatchObject({ state, ...(detail !== undefined && { detail }) });
  });

  test("what runs, boots and is wanted comes from the host, and from the last run where it was not reached", () => {
    const staged = { profile: newSystem, bootDefault: newSystem, staged: { token: "t", wanted: newSystem } };
    expect(
      hostStatus(facts({ published: { ...published, outcome: "staged" }, probe: answers(staged) })),
    ).toEqual({
      name: "web",
      wave: 1,
      required: true,
      state: "staged",
      detail: "the wanted system boots next",
      reachable: true,
      outcome: "staged",
      running: oldSystem,
      boots: newSystem,
      confirmed: true,
      wanted: newSystem,
      generation: 7,
      needsReboot: true,
    });
    expect(hostStatus(facts({ probe: silent }))).toMatchObject({ reachable: false, running: oldSystem });
    expect(hostStatus(facts({ probe: undefined }))).not.toHaveProperty("reachable");
    expect(hostStatus(facts({ probe: answers({ kernel: "/k/a", bootedKernel: "/k/b" }) }))).toMatchObject({
      state: "ok",
      needsReboot: true,
    });
  });

  test("only required hosts need attention, and they come first", () => {
    const hosts = worstFirst([
      hostStatus(facts({ name: "a" })),
      hostStatus(facts({ name: "laptop", required: false, probe: silent })),
      hostStatus(facts({ name: "c", wave: 2, probe: answers({ confirmed: false }) })),
      hostStatus(facts({ name: "b", probe: silent })),
    ]);
    expect(hosts.map(({ name }) => name)).toEqual(["b", "c", "laptop", "a"]);
    expect(hosts.map(needsAttention)).toEqual([true, true, false, false]);
  });
});

describe("the text", () => {
  const hosts = worstFirst([
    hostStatus(facts({ name: "web", pin: oldSystem })),
    hostStatus(facts({ name: "db", probe: { reached: false, reason: "no\u001b[31m route\nto host" } })),
  ]);
  const fleet = {
    schemaVersion: 1 as const,
    stack: "production",
    environment: "production",
    at: "",
    asked: true,
    hosts,
  };
  test("one line for each host, without control characters of a host, and nothing is cut in a pipe", () => {
    const lines = statusText(fleet, { stream: process.stdout }).split("\n");
    expect(lines[0]).toBe("production: 2 hosts: 1 unreachable, 1 pinned");
    expect(lines[2]).toMatch(/^HOST +WAVE +STATE/);
    expect(lines[3]).toMatch(
      /^db +1 +unreachable +confirmed +aaaaaaaa +7 +to host; runs: as of the last run$/,
    );
    expect(lines[4]).toMatch(/^web +1 +pinned +confirmed +aaaaaaaa +7 +pinned to aaaaaaaa$/);
  });

  test("no line is longer than the terminal", () => {
    const lines = statusText(fleet, { width: 60, stream: process.stdout }).split("\n").slice(2, -1);
    expect(lines.map((line) => line.length <= 60)).toEqual(lines.map(() => true));
    expect(lines[1]).toMatch(/…$/);
  });

  test("without probing, it says so", () => {
    expect(statusText({ ...fleet, asked: false }, { stream: process.stdout })).toContain(
      "hosts were not asked",
    );
    expect(statusText({ ...fleet, hosts: [] }, { stream: process.stdout })).toBe("production: 0 hosts\n");
  });
});

describe("probing", () => {
  const question = (host: string): ProbeArgs => ({
    host,
    address: "203.0.113.1",
    user: "deploy",
    hostKey: "ssh-ed25519 AAAA",
    maybeUnmanaged: false,
    timeoutSeconds: 3,
  });

  test("all hosts are asked at the same time: a silent one delays no other", async () => {
    const begun: string[] = [];
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const probing = probeHosts(
      new Map<string, ProbeArgs | string>([
        ["dead", question("dead")],
        ["web", question("web")],
        ["new", "the stack has never deployed it"],
      ]),
      async ({ host }) => {
        begun.push(host);
        // The dead host ends only after web was asked.
        if (host === "dead") await gate;
        else release();
        return host === "dead" ? silent : answers();
      },
    );
    const found = await probing;
    expect(begun).toEqual(["dead", "web"]);
    expect(found.get("web")).toMatchObject({ reached: true });
    expect(found.get("dead")).toBe(silent);
    expect(found.get("new")).toEqual({ reached: false, reason: "the stack has never deployed it" });
  });

  test("after two seconds the hosts that are waited for are named", async () => {
    jest.useFakeTimers();
    const lines: string[] = [];
    let release = (_: Probe) => {};
    const probing = probeHosts(
      new Map([["dead", question("dead")]]),
      () =>
        new Promise<Probe>((resolve) => {
          release = resolve;
        }),
      (line) => lines.push(line),
    );
    await jest.advanceTimersByTimeAsync(1900);
    expect(lines).toEqual([]);
    await jest.advanceTimersByTimeAsync(200);
    expect(lines).toEqual(["waiting for dead"]);
    release(silent);
    await probing;
    jest.useRealTimers();
  });
});
