/** Each runbook against a sandbox in memory: its check finds the break, and every fault that the steps might leave. */
import { rmSync } from "node:fs";
import type { RunbookName } from "../../../sandbox/runbooks/names.ts";
import { type RehearsalContext, rehearse, summaryOf } from "../../../sandbox/runbooks/rehearse.ts";
import { RUNBOOKS } from "../../../sandbox/runbooks/table.ts";
import type { Runbook } from "../../../sandbox/runbooks/types.ts";
import { FakeWorld } from "./fake-world.ts";

// Commits go to a repository in the sandbox; here only the file counts.
jest.mock("../../../sandbox/machines/command.ts", () => ({
  ...jest.requireActual("../../../sandbox/machines/command.ts"),
  run: async () => "",
}));

let world: FakeWorld;
let printed: string[];
beforeEach(() => {
  world = new FakeWorld();
  printed = [];
});
afterEach(() => rmSync(world.checkout, { recursive: true, force: true }));

/** A clock that a second passes on at each reading. */
function context(more: Partial<RehearsalContext> = {}): RehearsalContext {
  let seconds = 0;
  return {
    world,
    print: (line) => printed.push(line),
    now: () => seconds++ * 1000,
    pause: async () => undefined,
    settleMs: 5000,
    targetSeconds: 3600,
    commit: "abc",
    ...more,
  };
}
const named = (name: RunbookName): Runbook => {
  const found = RUNBOOKS.find((runbook) => runbook.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};

describe.each(RUNBOOKS.map((runbook) => [runbook.name, runbook] as const))("%s", (_, runbook) => {
  test("its steps restore what the break broke", async () => {
    const result = await rehearse(runbook, context());
    expect(result).toMatchObject({ name: runbook.name, passed: true, targetSeconds: 3600, commit: "abc" });
    expect(result.reason).toBeUndefined();
    expect(printed).toContain(`break: ${runbook.broken}`);
  });

  test("without its steps the check says no", async () => {
    const result = await rehearse({ ...runbook, steps: [] }, context());
    expect(result.passed).toBe(false);
    expect(result.reason).toMatch(/^not restored: \S/);
  });

  test("a break that breaks nothing does not pass", async () => {
    const result = await rehearse({ ...runbook, problems: async () => [] }, context());
    expect(result).toMatchObject({
      passed: false,
      reason: "the break broke nothing that the check looks at",
    });
  });
});

/** A fault that is left after the steps, and what the check says of it. */
type Left = readonly [RunbookName, fault: string, plant: (world: FakeWorld) => void, found: RegExp];
const machine = (of: FakeWorld, name: string) => {
  const found = of.machines[name];
  if (found === undefined) throw new Error(name);
  return found;
};
const LEFT: readonly Left[] = [
  [
    "configuration",
    "a different system",
    (of) => {
      machine(of, "web").running = "/nix/store/x";
    },
    /runs \/nix\/store\/x instead of/,
  ],
  [
    "configuration",
    "a host that was not confirmed",
    (of) => {
      of.outcome = "rolled-back";
    },
    /its last deploy is rolled-back/,
  ],
  [
    "configuration",
    "a change in the preview",
    (of) => {
      of.left = ["update web-deploy"];
    },
    /would still change: update web-deploy/,
  ],
  [
    "secret",
    "the old token is accepted",
    (of) => {
      of.accepted.add("ops_first");
    },
    /accepts the stolen token/,
  ],
  [
    "secret",
    "the host has another token",
    (of) => {
      machine(of, "db").token = "ops_other";
    },
    /has not got the new token/,
  ],
  [
    "secret",
    "a copy on the host",
    (of) => {
      machine(of, "db").leaked = ["/root/notes"];
    },
    /stolen token is in \/root\/notes/,
  ],
  [
    "secret",
    "services without secrets",
    (of) => {
      machine(of, "db").secrets = false;
    },
    /have no secrets/,
  ],
  [
    "secret",
    "a change in the preview",
    (of) => {
      of.left = ["replace x"];
    },
    /replace x/,
  ],
  [
    "cache",
    "an empty cache",
    (of) => {
      of.bucket.clear();
    },
    /path is not valid/,
  ],
  [
    "cache",
    "paths without a signature",
    (of) => {
      of.signed = false;
    },
    /no signature of \/nix\/store\/a-system/,
  ],
  [
    "database",
    "PostgreSQL does not run",
    (of) => {
      machine(of, "db").postgres = "failed";
    },
    /PostgreSQL does not run/,
  ],
  [
    "database",
    "other rows",
    (of) => {
      machine(of, "db").rows = "eggs";
    },
    /the table has "eggs"/,
  ],
  [
    "database",
    "no table",
    (of) => {
      machine(of, "db").rows = undefined;
    },
    /does not exist/,
  ],
  [
    "database",
    "another owner",
    (of) => {
      machine(of, "db").owner = "postgres";
    },
    /belongs to postgres/,
  ],
  [
    "host",
    "no server",
    (of) => {
      of.servers = [];
    },
    /no such server/,
  ],
  [
    "host",
    "a different host key",
    (of) => {
      of.hostKey = "ssh-ed25519 BBBB";
    },
    /ssh-ed25519 BBBB instead of 203\.0\.113\.11 ssh-ed25519 AAAA/,
  ],
  [
    "host",
    "a server that is off",
    (of) => {
      for (const server of of.servers) server.status = "off";
    },
    /the server is off/,
  ],
  [
    "host",
    "a service that is silent",
    (of) => {
      machine(of, "web").hello = false;
    },
    /does not answer/,
  ],
  [
    "host",
    "another system than the outputs have",
    (of) => {
      machine(of, "web").running = "/nix/store/x";
    },
    /the outputs have/,
  ],
  [
    "host",
    "a change in the preview",
    (of) => {
      of.left = ["create y"];
    },
    /create y/,
  ],
  [
    "disaster",
    "a host is missing",
    (of) => {
      if (of.state) of.state.hosts = ["web", "db"];
    },
    /outputs have the hosts "db web" instead of/,
  ],
  [
    "disaster",
    "another system",
    (of) => {
      if (of.state) of.state.closures["web"] = "/nix/store/x";
      machine(of, "web").running = "/nix/store/x";
    },
    /web=\/nix\/store\/x instead of/,
  ],
  [
    "disaster",
    "a bucket is missing",
    (of) => {
      if (of.state) of.state.buckets = ["cache"];
    },
    /the buckets are "cache"/,
  ],
  [
    "disaster",
    "a name leads elsewhere",
    (of) => {
      of.address = "203.0.113.99";
    },
    /leads to "203.0.113.99"/,
  ],
  [
    "disaster",
    "a secret is not delivered",
    (of) => {
      machine(of, "db").token = "";
    },
    /has not got its token/,
  ],
  [
    "disaster",
    "two items of one title",
    (of) => {
      of.titles = ["a", "b", "a"];
    },
    /the vault has several items "a"$/,
  ],
  [
    "disaster",
    "no database",
    (of) => {
      machine(of, "db").postgres = "failed";
    },
    /PostgreSQL does not run/,
  ],
  [
    "disaster",
    "a change in the preview",
    (of) => {
      of.left = ["create z"];
    },
    /create z/,
  ],
];

test.each(LEFT)("%s: the check finds %s", async (name, _, plant, found) => {
  const runbook = named(name);
  const last = { on: "console", text: "a fault is left", act: () => plant(world) } as const;
  const { passed, reason } = await rehearse({ ...runbook, steps: [...runbook.steps, last] }, context());
  expect(passed).toBe(false);
  expect(reason).toMatch(found);
});

test("a step that fails is the reason, and no later step is done", async () => {
  world.failing = "refresh";
  const result = await rehearse(named("host"), context());
  expect(result).toMatchObject({ passed: false, reason: expect.stringMatching(/refresh .*: exit code 1/) });
  expect(world.typed.filter((line) => line.startsWith("tools/pulumi up"))).toEqual([]);
});

test("restored later than the target: not passed, and the last line says both times", async () => {
  const late = await rehearse(named("database"), context({ targetSeconds: 1 }));
  expect(late).toMatchObject({
    passed: false,
    reason: expect.stringMatching(/later than the target of 1 s/),
  });
  const untold = await rehearse(named("database"), { ...context(), targetSeconds: undefined });
  expect(untold).toMatchObject({ passed: true });
  expect(untold).not.toHaveProperty("targetSeconds");
  expect(summaryOf({ ...untold, seconds: 65, targetSeconds: 7200 })).toBe(
    "database: restored in 1 min 5 s (target 2 h)",
  );
  expect(summaryOf({ ...untold, seconds: 0.2 })).toBe(
    "database: restored in 0 s (the inventory has no target)",
  );
});

test("every step is shown as it is typed, with the sandbox's names", async () => {
  await rehearse(named("database"), context());
  expect(printed).toContain("$ tools/pantheros sandbox shell db pantheros-postgres restore notes --replace");
  await rehearse(named("disaster"), context());
  expect(printed).toContain(`$ git clone ${world.origin} ${world.checkout}`);
  expect(printed.join("\n")).not.toMatch(/production|stack init/);
});
