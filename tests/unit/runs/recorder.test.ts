/** What is kept of the engine's events. */
import { type RunEvent, runEvent } from "../../../runs/contract.ts";
import { readEngineEvent } from "../../../runs/engine.ts";
import { planMessage } from "../../../runs/plan-message.ts";
import { Recorder } from "../../../runs/recorder.ts";
import { type Run, RunBuilder } from "../../../runs/run.ts";
import { deployResult, deployUrn, engine, logOf, PLANTED, startOf } from "./fixtures.ts";

const ID = "20260101T000000Z-00000001";

/** Records the events; `secrets` are those of the environment. */
function record(events: readonly object[], { secrets = [] as string[], command = "up" } = {}) {
  const written: RunEvent[] = [];
  let isOpen = false;
  const recorder = new Recorder({
    start: runEvent.parse(startOf(ID, { command })) as Extract<RunEvent, { type: "start" }>,
    secrets,
    open: () => {
      isOpen = true;
      return {
        dropped: 0,
        write: (each) => {
          written.push(...each);
          return each;
        },
        touch: () => {},
        close: () => {},
      };
    },
  });
  recorder.add(
    logOf(events)
      .split("\n")
      .flatMap((line) => readEngineEvent(line) ?? []),
  );
  recorder.end(new Date("2026-01-01T00:01:00Z"));
  const builder = new RunBuilder();
  // As a reader gets it: from text, through the schema.
  for (const event of written) builder.add(runEvent.parse(JSON.parse(JSON.stringify(event))));
  return { written, isOpen, run: builder.build(true) as Run };
}

const plan = engine.plan([
  { name: "db", wave: 2, required: true },
  { name: "web", wave: 1, required: true },
]);

const VERDICT =
  "urn:pulumi:production::pantheros::pantheros:fleet:Fleet$pantheros:nixos:Verdict$command:local:Command::verdict";

test("a host's steps, result and reason, and the wave that was held", () => {
  const { run } = record([
    engine.prelude,
    plan,
    engine.begin("create-replacement", deployUrn("web")),
    engine.info("web", "web: build"),
    engine.info("web", "web: copy"),
    engine.info("web", "web: copy: 12 of 34 paths"),
    engine.info("web", "web: activate"),
    engine.done("create-replacement", deployUrn("web"), {
      stdout: deployResult("web", {
        outcome: "rolled-back",
        step: "health",
        command: "curl 127.0.0.1",
        reason: "hello: status 500\nexpected 200",
        hint: "read the log",
      }),
    }),
    engine.done("same", deployUrn("db"), { stdout: deployResult("db") }),
    engine.begin("create", VERDICT),
    engine.message(
      "error",
      'error: exit status 1: running "printf \\"%s\\\\n\\" \\"$PANTHEROS_VERDICT\\" >&2; exit \\"$PANTHEROS_VERDICT_EXIT\\"":\n1 host has not converged\nweb: rolled-back at health\n',
    ),
    engine.failed("create", VERDICT),
    engine.outputs({
      web: { outcome: "rolled-back", step: "health", reason: "hello: status 500 expected 200" },
      db: { outcome: "held", reason: "waits for web" },
    }),
    engine.summary("failed"),
    engine.cancel,
  ]);
  expect(run).toMatchObject({
    state: "failed",
    seconds: 4,
    counts: { create: 1, same: 7 },
    outcomes: { "rolled-back": 1 },
    resources: [],
    errors: ["1 host has not converged\nweb: rolled-back at health"],
    hosts: [
      {
        name: "web",
        wave: 1,
        changed: true,
        outcome: "rolled-back",
        step: "health",
        command: "curl 127.0.0.1",
        reason: "hello: status 500\nexpected 200",
        hint: "read the log",
        endedAt: "2026-01-01T00:00:07.000Z",
      },
      { name: "db", wave: 2, changed: false, outcome: "held", reason: "waits for web" },
    ],
  });
  expect(run.hosts[0]?.phases).toEqual([
    { phase: "begun", at: "2026-01-01T00:00:02.000Z" },
    { phase: "build", at: "2026-01-01T00:00:03.000Z" },
    { phase: "copy", at: "2026-01-01T00:00:04.000Z" },
    { phase: "activate", at: "2026-01-01T00:00:06.000Z" },
  ]);
});

test("a run that goes on has no result of the run before for a host that it deploys to", () => {
  const { run } = record([
    engine.prelude,
    plan,
    engine.done("same", deployUrn("web"), {
      stdout: deployResult("web", { outcome: "failed", reason: "old" }),
    }),
    engine.begin("replace", deployUrn("web")),
    engine.begin("create-replacement", deployUrn("web")),
  ]);
  expect(run.hosts.find(({ name }) => name === "web")).toEqual({
    name: "web",
    wave: 1,
    required: true,
    changed: true,
    phases: [{ phase: "begun", at: "2026-01-01T00:00:04.000Z" }],
  });
});

test("an installation that fails is the host's result, and not that its deploy was not made", () => {
  const { run } = record([
    engine.prelude,
    plan,
    engine.begin("create", deployUrn("web", "install")),
    engine.info("web", "web: install: boot"),
    engine.done("create", deployUrn("web", "install"), {
      stdout: JSON.stringify({
        schemaVersion: 1,
        host: "web",
        outcome: "failed",
        phase: "boot",
        reason: "silent",
        seconds: {},
      }),
    }),
    engine.begin("create", deployUrn("web")),
    engine.done("create", deployUrn("web"), {
      stdout: deployResult("web", { outcome: "failed", step: "identity" }),
    }),
    engine.summary("failed"),
  ]);
  expect(run.hosts[0]).toMatchObject({
    name: "web",
    outcome: "failed",
    step: "install boot",
    reason: "silent",
  });
});

test("other objects have their operation and state, and only one line for a replacement's step that does nothing", () => {
  const server = "urn:pulumi:production::pantheros::hcloud:index/server:Server::web";
  const { run } = record([
    engine.prelude,
    engine.begin("same", server),
    engine.done("same", server),
    engine.begin("update", server),
    engine.done("update", server),
    engine.begin("replace", server),
    engine.begin("delete", `${server}-old`),
    engine.failed("delete", `${server}-old`),
    engine.summary("failed"),
  ]);
  expect(run.resources).toEqual([
    { name: "web", kind: "hcloud:index/server:Server", op: "update", state: "done" },
    { name: "web-old", kind: "hcloud:index/server:Server", op: "delete", state: "failed" },
  ]);
});

test.each([
  ["up", [engine.prelude, engine.summary("succeeded")], "succeeded"],
  ["up", [engine.prelude, engine.summary("failed")], "failed"],
  ["up", [engine.prelude, engine.summary("succeeded", true)], "declined"],
  ["preview", [engine.prelude, engine.summary("succeeded", true)], "succeeded"],
  ["up", [engine.prelude, engine.interrupt, engine.summary("failed")], "interrupted"],
  ["up", [engine.prelude], "interrupted"],
  [
    "up",
    [engine.prelude, engine.summary("succeeded", true), engine.prelude, engine.summary("succeeded")],
    "succeeded",
  ],
])("%s with these events: %j is %s", (command, events, state) => {
  expect(record(events, { command }).run.state).toBe(state);
});

test("the preview before an update leaves nothing but its time", () => {
  const { run } = record([
    engine.prelude,
    engine.message("warning", "of the preview"),
    engine.begin("create", "urn:pulumi:production::pantheros::b2:index:Bucket::cache"),
    engine.summary("succeeded", true),
    engine.prelude,
    engine.message("warning", "of the update"),
    engine.summary("succeeded"),
  ]);
  expect([run.warnings, run.resources]).toEqual([["of the update"], []]);
});

test("a command that ends before the engine starts leaves no run", () => {
  expect(record([]).isOpen).toBe(false);
});

describe("secrets", () => {
  const noisy = [
    engine.prelude,
    engine.debug,
    plan,
    engine.begin("create-replacement", deployUrn("web")),
    engine.info("web", `web: ${PLANTED}`),
    engine.done("create-replacement", deployUrn("web"), { stdout: deployResult("web"), stderr: PLANTED }),
    engine.begin("create", `urn:pulumi:production::pantheros::random:index:Id::x`),
    engine.done("create", `urn:pulumi:production::pantheros::random:index:Id::x`, { value: PLANTED }),
    engine.outputs({ web: { outcome: "confirmed", health: [{ detail: PLANTED }] } }),
    engine.summary("succeeded"),
  ];

  test("nothing of properties, configuration, debug messages and other progress is kept", () => {
    expect(logOf(noisy).split(PLANTED).length).toBeGreaterThan(8);
    const { written, run } = record(noisy);
    expect(run.hosts[1]).toBeDefined();
    expect(JSON.stringify(written)).not.toContain(PLANTED);
  });

  test("a secret of the environment is removed from errors and reasons", () => {
    const events = [
      engine.prelude,
      engine.message("error", `error: 401 for ${PLANTED}`),
      engine.begin("create", deployUrn("web")),
      engine.done("create", deployUrn("web"), {
        stdout: deployResult("web", { outcome: "failed", reason: `got ${PLANTED}` }),
      }),
      engine.summary("failed"),
    ];
    // Planted on purpose, the search finds it.
    expect(JSON.stringify(record(events).written)).toContain(PLANTED);
    expect(JSON.stringify(record(events, { secrets: [PLANTED] }).written)).not.toContain(PLANTED);
  });

  test("a debug message that only begins like the list of hosts is dropped", () => {
    const { written } = record([
      engine.prelude,
      engine.plan([{ name: "web", wave: 1, required: true, note: PLANTED }]),
      { diagnosticEvent: { severity: "debug", message: `pantheros hosts: ${PLANTED}` } },
    ]);
    expect(written.map(({ type }) => type)).toEqual(["start", "section", "end"]);
  });

  test("the program's list of hosts is read", () => {
    const hosts = [{ name: "web", wave: 1, required: false, selected: false }];
    const { run } = record([
      engine.prelude,
      { diagnosticEvent: { severity: "debug", message: `${planMessage(hosts)}\n` } },
    ]);
    expect(run.hosts).toEqual([{ ...hosts[0], changed: false, phases: [] }]);
  });
});

test("text of hosts has no control characters and is cut", () => {
  const hostile = `\u001b[2J<b>\u202e${"x".repeat(50_000)}`;
  const { run } = record([
    engine.prelude,
    engine.message("error", hostile),
    engine.begin("create", deployUrn("web")),
    engine.done("create", deployUrn("web"), {
      stdout: deployResult("web", { outcome: "failed", reason: hostile }),
    }),
    engine.begin("create", deployUrn("../../etc")),
  ]);
  const text = JSON.stringify(run);
  expect(text.length).toBeLessThan(20_000);
  expect(text).not.toMatch(/\\u001b|\u202e/);
  expect(run.errors[0]).toContain("<b>");
});
