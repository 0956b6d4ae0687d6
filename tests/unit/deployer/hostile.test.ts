/** A broken or compromised host: whatever it answers, its deploy ends with a bounded and true result. */
import * as fs from "node:fs";
import * as fc from "fast-check";
import { deployReason, wantedToken } from "../../../components/nixos-host/token.ts";
import { verdictText } from "../../../components/nixos-host/verdict.ts";
import { classifyStatus } from "../../../deployer/deploy/activation.ts";
import { activationBudget } from "../../../deployer/deploy/spec.ts";
import { type ProbeArgs, probeHost, readProbe } from "../../../deployer/probe.ts";
import { summary } from "../../../deployer/protocol/result.ts";
import { previewText } from "../nixos-host/preview-text.ts";
import { gone, Programs } from "../programs.ts";
import {
  broken,
  hung,
  lost,
  newSystem,
  ok,
  oldSystem,
  outcomeOf,
  printed,
  refusedConnection,
  spec,
  status,
  system,
  world,
} from "./fixtures.ts";

const prepared = { build: [ok(`${newSystem}\n`)], copy: [ok()] };
const waiting = ok({ outcome: "waiting", running: newSystem, token: "t1" });
const confirmed = { outcome: "confirmed", running: newSystem, token: "t1", generation: 8 };
const idle = { status: [ok(status())] };

describe("a result counts only if it is of this deploy", () => {
  test.each([
    [
      "a different token",
      { ...confirmed, token: "t2" },
      /"confirmed", but its token is t2, this deploy's is t1/,
    ],
    ["no token", { ...confirmed, token: null }, /without a token/],
    ["a different system", { ...confirmed, running: oldSystem }, /it runs \/nix\/store\/a{32}/],
    ["no system", { ...confirmed, running: undefined }, /it runs an unknown system/],
    ["a different wanted system", { ...confirmed, wanted: oldSystem }, /it is about \/nix\/store\/a{32}/],
    [
      "the rollback of a different deploy",
      { outcome: "rolled-back", token: "t2" },
      /"rolled-back", but its token/,
    ],
  ])("confirm: %s", async (_, line, reason) => {
    const w = world({ ...prepared, activate: [waiting], confirm: [ok(line)], ...idle });
    const result = await outcomeOf(w);
    expect(result).toMatchObject({ outcome: "failed", step: "confirm" });
    expect(result.reason).toMatch(reason);
    // An answer that does not count does not tell the running system either.
    expect(result.running).toBeUndefined();
  });

  test.each([
    ["waiting", { outcome: "waiting", token: "t2" }],
    ["current", { outcome: "current", token: "t2" }],
    ["rebooting", { outcome: "rebooting", token: "t2", bootId: "b-1" }],
    ["staged, a different token", { outcome: "staged", token: "t2", wanted: newSystem }],
    ["staged, a different system", { outcome: "staged", token: "t1", wanted: oldSystem }],
    ["staged, no system", { outcome: "staged", token: "t1" }],
    ["confirmed without a confirmation", { ...confirmed, token: "t0" }],
  ])("activate: %s", async (_, line) => {
    const w = world({ ...prepared, activate: [ok(line)], confirm: [ok(confirmed)], ...idle });
    const result = await outcomeOf(w);
    expect(result).toMatchObject({ outcome: "failed", step: "activate" });
    expect(result.running).toBeUndefined();
    expect(w.kinds()).not.toContain("confirm");
  });

  test("an activation that answers `confirmed` still needs a confirmation over a new connection", async () => {
    const answers = { ...prepared, activate: [ok(confirmed)], status: [ok(status())] };
    const away = world({ ...answers, confirm: [refusedConnection] });
    expect((await outcomeOf(away)).outcome).toBe("failed");
    const reached = world({ ...answers, confirm: [ok(confirmed)] });
    expect((await outcomeOf(reached)).outcome).toBe("confirmed");
    expect(reached.kinds()).toContain("confirm");
  });

  const attempt = (name: string) => ({ attempt: name });
  test.each([
    ["the same attempt", attempt("a-1"), attempt("a-1"), "confirmed"],
    ["a different attempt", attempt("a-1"), attempt("a-2"), "failed"],
    ["an attempt only in the last answer", {}, attempt("a-2"), "confirmed"],
    ["an attempt only in the first answer", attempt("a-1"), {}, "confirmed"],
  ])("%s", async (_, first, last, expected) => {
    const begun = ok({ outcome: "waiting", running: newSystem, token: "t1", ...first });
    const w = world({ ...prepared, activate: [begun], confirm: [ok({ ...confirmed, ...last })] });
    expect(await outcomeOf(w)).toMatchObject({ outcome: expected });
  });

  test("a status counts only if its fields agree", () => {
    const own = { token: "t1", outPath: newSystem };
    const runs = { system: newSystem, token: "t1" };
    const last = { outcome: "confirmed", token: "t1", running: newSystem } as const;
    expect(classifyStatus(own, status(runs))).toMatchObject({
      is: "ended",
      result: { outcome: "confirmed" },
    });
    for (const more of [{ ...runs, confirmed: false }, { ...runs, token: "t2" }, { token: "t1" }]) {
      expect(classifyStatus(own, status({ ...more, last }))).toMatchObject({ is: "invalid" });
    }
    const others = { token: "t1", wanted: oldSystem, recorded: oldSystem };
    expect(classifyStatus(own, status({ phase: "waiting", activation: others }))).toBeUndefined();
  });
});

describe("one deadline for the whole activation", () => {
  const seconds = { switch: 10, health: 5, confirm: 3, connect: 2, probe: 4 };
  const budget = activationBudget(spec({ seconds }));
  const activation = { token: "t1", wanted: newSystem, recorded: oldSystem };
  const open = ok(status({ system: newSystem, confirmed: false, phase: "waiting", activation }));

  test.each([
    [
      "answers `waiting` for ever",
      [printed({ outcome: "refused", step: "confirm", reason: "not yet" }, 2)],
      [open],
    ],
    ["hangs at every confirmation", [hung], [open]],
    ["loses every connection", [lost], [open]],
    ["is always under way", [lost], [ok(status({ phase: "committing", activation }))]],
  ])("a host that %s", async (_, confirm, answers) => {
    const w = world({ ...prepared, activate: [waiting], confirm, status: answers });
    const result = await outcomeOf(w, { seconds });
    expect(result).toMatchObject({ outcome: "failed", step: "confirm" });
    expect(result.reason).toContain(
      `the activation has not ended after ${budget} s; the host's last answer: `,
    );
    // Each step had at most what was left.
    expect(w.tools.now()).toBeLessThanOrEqual((budget + 10) * 1000);
  });

  test("a step gets what is left, and no more than its own limit", async () => {
    const w = world({ ...prepared, activate: [waiting], confirm: [hung], status: [open] });
    await outcomeOf(w, { seconds });
    const limits = w.commands
      .filter((_, at) => w.kinds()[at] === "confirm")
      .map((each) => each.timeoutSeconds);
    expect(limits[0]).toBe(142);
    expect(Math.max(...limits.slice(1))).toBeLessThan(budget - 142);
  });

  test("an activation that hangs until the deadline is not polled for longer", async () => {
    const w = world({ ...prepared, activate: [hung], status: [hung] });
    await outcomeOf(w, { seconds });
    expect(w.tools.now()).toBeLessThanOrEqual((budget + 10) * 1000);
  });
});

describe("a missing confirmation has its cause on the runner's side", () => {
  const last = {
    outcome: "rolled-back",
    step: "confirm",
    reason: "nobody confirmed within 30 s",
    token: "t1",
  };
  test.each([
    [
      "a different host key",
      broken("Host key verification failed.", 255),
      "host key verification failed",
      "another host key",
    ],
    [
      "no login",
      broken("deploy@web: Permission denied (publickey).", 255),
      "Permission denied",
      "does not accept this key",
    ],
    [
      "no supervisor",
      broken("sudo: pantheros-supervisor: command not found"),
      "command not found",
      "no pantheros-supervisor",
    ],
    ["sudo refuses", broken("sudo: a password is required"), "a password is required", "sudo rule"],
    ["no connection", refusedConnection, "Connection refused", "does not answer on this address"],
  ])("%s", async (_, failure, cause, hint) => {
    const back = ok(status({ last: last as never }));
    const w = world({ ...prepared, activate: [waiting], confirm: [failure], status: [back] });
    const result = await outcomeOf(w);
    expect(result).toMatchObject({ outcome: "rolled-back", step: "confirm", running: oldSystem });
    expect(result.reason?.split("\n")).toEqual([
      "nobody confirmed within 30 s",
      expect.stringMatching(new RegExp(`^from here: .*${cause}`)),
    ]);
    expect(result.hint).toContain(hint);
    expect(summary(result)).toContain("web: rolled-back at confirm: from here: ");
  });
});

const deep = `{"outcome":"confirmed","health":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
const strangeAnswers: readonly (readonly [string, string, RegExp])[] = [
  ["deep", deep, /nested deeper than 16/],
  ["a megabyte in one line", `{"outcome":"${"x".repeat(2 ** 20)}"}`, /longer than 1 MiB/],
  ["a token with a slash", JSON.stringify(status({ token: "../../x" })), /token: not a token/],
  ["a system outside of the store", JSON.stringify(status({ system: "/etc" })), /system: not a store path/],
  ["many values", `{"units":[${"1,".repeat(30_000)}1]}`, /more than 20000 values/],
  ["a list for an object", JSON.stringify({ ...status(), units: ["x"] }), /units: /],
  [
    "a unit's name with blanks",
    JSON.stringify(status({ failedUnits: ["a b"] })),
    /failedUnits\.0: not the name/,
  ],
];

test.each(strangeAnswers)(
  "%s: the probe reports the host's answer as invalid, and does not throw",
  (_, line, problem) => {
    const found = readProbe("deploy", `${line}\n`);
    if (found?.reached !== false) throw new Error("it was accepted");
    expect(found.reason).toMatch(/^the host's answer is not a status: /);
    expect(found.reason).toMatch(problem);
    expect(found.reason.length).toBeLessThan(400);
    // It is deployed to: only a best-effort host that does not answer is left alone.
    const token = { outPath: newSystem, probe: found, fresh: "fresh" };
    expect(wantedToken({ ...token, converge: "best-effort" })).toBe("fresh");
    expect(deployReason(newSystem, found)).toBe(found.reason);
  },
);

test.each(strangeAnswers)("%s: the deploy fails, whichever verb it answers", async (_, line) => {
  for (const verb of ["activate", "confirm", "status"]) {
    const answers = { activate: [waiting], confirm: [lost], status: [ok(status())], [verb]: [ok(line)] };
    const result = await outcomeOf(world({ ...prepared, ...answers }));
    expect(result.outcome).toBe("failed");
    expect(result.reason).toMatch(/the host's answer is not a (status|result): /);
  }
});

test("an answer with long text is accepted and cut: many failing checks make a long reason", async () => {
  const reason = `${"one check after the other; ".repeat(5000)}\nthe last one`;
  const line = { outcome: "rolled-back", step: "health", reason, token: "t1" };
  const last = { ...line, command: reason };
  const w = world({
    ...prepared,
    activate: [printed(line, 1)],
    status: [ok(status({ last: last as never }))],
  });
  const result = await outcomeOf(w);
  expect(result).toMatchObject({ outcome: "rolled-back", step: "health", running: oldSystem });
  expect(result.reason?.endsWith("the last one")).toBe(true);
  expect(result.reason?.length).toBeLessThanOrEqual(65_536);
});

test("keys that every object inherits have no effect", () => {
  const named = '"__proto__":{"x":"y"},"constructor":"c","toString":"t","hasOwnProperty":"h"';
  const line = JSON.stringify(status()).replace(
    /\}$/,
    `,"__proto__":{"confirmed":true},"inhibitors":{${named.replace('{"x":"y"}', '"p"')}},"units":{"constructor":"/x-unit-a/a","valueOf":"v"}}`,
  );
  const probe = readProbe("deploy", line);
  if (probe?.reached !== true) throw new Error("it was refused");
  expect(Object.keys(probe.status.inhibitors ?? {})).toEqual([]);
  expect(Object.keys(probe.status.units ?? {})).toEqual([]);
  // The inventory may name a secret like this.
  for (const [key, value] of [
    ["secrets", "a".repeat(64)],
    ["deliveries", "11111111-2222-4333-8444-555555555555"],
  ] as const) {
    const again = readProbe("deploy", JSON.stringify({ ...status(), [key]: { constructor: value } }));
    expect(again?.reached && Object.entries(again.status[key] ?? {})).toEqual([["constructor", value]]);
  }
  const none = { drvPath: "", outPath: newSystem, system: "", kernel: "/k/k", inhibitors: {}, units: {} };
  expect(previewText("web", none, probe)).toContain("web: a different system is wanted");
  expect({}).not.toHaveProperty("confirmed");
});

describe("a real connection", () => {
  let own: Programs;
  let leave: () => void;
  beforeEach(() => {
    own = new Programs("hostile");
    leave = own.enter();
  });
  afterEach(() => {
    leave();
    own.remove();
  });
  const args: ProbeArgs = {
    host: "web",
    address: "203.0.113.10",
    user: "deploy",
    hostKey: "ssh-ed25519 AAAA",
    maybeUnmanaged: false,
  };

  test("an endless answer is cut off at 1 MiB", async () => {
    own.program("ssh", "exec yes '{\"version\":1'");
    expect(await probeHost(args)).toEqual({
      reached: false,
      garbled: true,
      reason: "the host's answer is longer than 1 MiB",
    });
  });

  test("a slow answer is ended at its time limit, with all processes of ssh", async () => {
    const pids = `${own.directory}/pids`;
    own.program("ssh", `sh -c 'echo $$ >>"${pids}"; while :; do printf x; sleep 0.1; done' & wait`);
    expect(await probeHost({ ...args, timeoutSeconds: 1 })).toMatchObject({
      reason: expect.stringMatching(
        /^no answer in time; the login as deploy printed "x+" instead of a status$/,
      ),
    });
    for (const pid of fs.readFileSync(pids, "utf8").trim().split("\n")) expect(gone(Number(pid))).toBe(true);
  });
});

const evil =
  "\u001b[2J\rweb: confirmed, generation 9\n::error::pwned\n  ::error::again\n```\n\u202eweb: confirmed";

test("a host's text has a prefix in the verdict, one line in the preview, and no control characters", async () => {
  const line = { outcome: "rolled-back", step: "health", reason: evil, command: evil, token: "t1" };
  const w = world({ ...prepared, activate: [printed(line, 1)], ...idle });
  const result = await outcomeOf(w);
  const probe = readProbe("deploy", JSON.stringify(status({ last: line as never })));
  if (probe === undefined) throw new Error("no answer");
  const none = { drvPath: "", outPath: newSystem, system: "", kernel: "/k/k", inhibitors: {}, units: {} };
  const shown = [
    verdictText([{ result: { ...result, warnings: [evil], running: system("c") }, converge: "must" }]).text,
    verdictText([{ result: { ...result, outcome: "confirmed", warnings: [evil] }, converge: "must" }]).text,
    verdictText([{ result: { ...result, outcome: "staged" }, converge: "must" }]).text,
    previewText("web", none, probe) ?? "",
    summary(result),
  ];
  for (const text of shown) {
    expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202e]/u);
    for (const each of text.split("\n")) {
      expect(each).not.toMatch(/^\s*(::|```)/);
      if (/generation 9/.test(each)) expect(each).toMatch(/\| |^ {2}last|: /);
    }
    expect(text.split("\n")).not.toContain("web: confirmed, generation 9");
  }
});

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "medium", maxDepth: 20 },
    fc.constantFrom(null, true, 0, -1, 1e308, "", "t1", newSystem, "confirmed", "waiting", "idle", evil),
    fc.string({ unit: "binary" }),
    fc.array(tie("value")),
    fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "outcome")),
      tie("value"),
    ),
  ),
})).value;

/** A valid answer in which some keys have other values. */
const mutated = (whole: object) =>
  fc
    .dictionary(fc.constantFrom(...Object.keys(whole), "health", "failedUnits", "last", "units"), json)
    .map((more) => JSON.stringify({ ...whole, ...more }));
const garbage = fc.oneof(
  fc.string({ unit: "binary" }),
  json.map((value) => JSON.stringify(value) ?? ""),
  mutated(confirmed),
  mutated(status({ system: newSystem, token: "t1" })),
  fc.constantFrom(deep, ...strangeAnswers.map(([, line]) => line)),
  fc.nat({ max: 3000 }).map((depth) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`),
);

test("whatever a host answers, probe and deploy have a result, and it is bounded", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(garbage, { minLength: 1, maxLength: 4 }), async (lines) => {
      const answers = lines.map((line) => ok(`${line}\n`));
      const probe = readProbe("deploy", lines.join("\n"));
      if (probe !== undefined && !probe.reached) expect(probe.reason.length).toBeLessThan(400);
      if (probe !== undefined) {
        const text = deployReason(newSystem, probe) ?? "";
        expect(text).not.toMatch(/[\p{Cc}\u202e]/u);
      }
      for (const verb of ["activate", "confirm", "status"]) {
        const w = world({
          ...prepared,
          activate: [waiting],
          confirm: [lost],
          status: [ok(status())],
          [verb]: [...answers],
        });
        const result = await outcomeOf(w);
        expect(JSON.stringify(result).length).toBeLessThan(300_000);
        const { text } = verdictText([{ result, converge: "must" }]);
        expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202e]/u);
        expect(text.length).toBeLessThan(200_000);
      }
    }),
    { numRuns: 150 },
  );
});
