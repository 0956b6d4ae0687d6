/** The causes that keep a host from running the wanted system, and the next commands. */
import type { Probe } from "../../../deployer/probe.ts";
import type { SupervisorStatus } from "../../../deployer/protocol/supervisor.ts";
import type { PlannedHost } from "../../../inventory/plan.ts";
import type { HostOutputs, StackOutputs } from "../../../outputs/contract.ts";
import { hostStatus, worstFirst } from "../../../status/classify.ts";
import { type FleetFacts, hostDetail } from "../../../status/detail.ts";
import { type Deployable, isBlocked, type Why, whyOf } from "../../../status/why.ts";
import { newSystem, oldSystem, status, system } from "../deployer/fixtures.ts";

interface Given {
  readonly published?: Partial<HostOutputs> | "never";
  readonly probe?: Probe | undefined;
  readonly pin?: string;
  readonly wave?: number;
  readonly reachability?: "always" | "best-effort";
  readonly reboot?: "allow" | "never";
}

const answers = (more: Partial<SupervisorStatus> = {}): Probe => ({
  reached: true,
  user: "deploy",
  status: status(more),
});

/** Facts as `status` reads them, of hosts by name; a host that is not described has converged. */
function fleetOf(
  hosts: Readonly<Record<string, Given>>,
  { stack = "production", revision }: { stack?: string; revision?: StackOutputs["revision"] } = {},
): FleetFacts {
  const details = Object.entries(hosts).map(([name, given]) => {
    const { wave = 1, reachability = "always", reboot = "never", pin } = given;
    const host = {
      name,
      wave,
      reachability,
      reboot,
      environment: stack,
      tags: ["server"],
    } as unknown as PlannedHost;
    const published: HostOutputs | undefined =
      given.published === "never"
        ? undefined
        : {
            addresses: {},
            health: [],
            closure: oldSystem,
            generation: 7,
            outcome: "confirmed",
            ...given.published,
          };
    const outputs = {
      hosts: published === undefined ? {} : { [name]: published },
      services: {},
      dns: { records: [] },
    } as unknown as StackOutputs;
    const probe = "probe" in given ? given.probe : answers();
    const found = hostStatus({ name, wave, required: reachability === "always", published, pin, probe });
    return hostDetail(host, found, outputs, probe);
  });
  const sorted = worstFirst(details.map((detail) => detail.status));
  return {
    status: {
      schemaVersion: 1,
      stack,
      environment: stack,
      at: "2026-01-01T00:00:00Z",
      asked: true,
      hosts: sorted,
    },
    details: sorted.flatMap((each) => details.filter((detail) => detail.status === each)),
    ...(revision !== undefined && { revision }),
  };
}

function why(given: Given, more?: Parameters<typeof fleetOf>[1], checkout?: Deployable): Why {
  const found = whyOf(fleetOf({ web: given }, more), "web", { checkout });
  if (found === undefined) throw new Error("the host is missing");
  return found;
}

const silent = (reason: string, hint?: string): Probe => ({ reached: false, reason, hint });

describe("each state has its cause, answer and next command", () => {
  test.each<[string, Given, { answer: string; kinds: string[]; next: string[] }]>([
    [
      "converged",
      {},
      { answer: "web: runs what the last run wanted: aaaaaaaa, generation 7", kinds: [], next: [] },
    ],
    [
      "converged, and not asked",
      { probe: undefined },
      {
        answer:
          "web: runs what the last run wanted: aaaaaaaa, generation 7 (as of the last run; it was not asked)",
        kinds: [],
        next: [],
      },
    ],
    [
      "never deployed",
      { published: "never", probe: silent("the stack has never deployed it") },
      {
        answer: "web: the stack has never deployed it",
        kinds: ["never-deployed"],
        next: ["tools/pantheros up --stack production"],
      },
    ],
    [
      "an error of the evaluation",
      { published: { outcome: "failed", step: "evaluate", reason: "trace\nerror: attribute 'x' missing" } },
      {
        answer: "web: its configuration has an error: error: attribute 'x' missing",
        kinds: ["evaluation"],
        next: ["tools/pantheros preview --on web --stack production"],
      },
    ],
    [
      "a failed step",
      { published: { outcome: "failed", step: "copy", reason: "No space left on device" } },
      {
        answer: "web: the last deploy failed at copy: No space left on device",
        kinds: ["step"],
        next: ["tools/pantheros up --on web --stack production"],
      },
    ],
    [
      "rolled back",
      { published: { outcome: "rolled-back", step: "health", reason: "hello: status 500" } },
      {
        answer: "web: the last deploy was rolled back at health: hello: status 500",
        kinds: ["rolled-back"],
        next: [
          "tools/pantheros logs web pantheros-activation --stack production",
          "tools/pantheros up --on web --stack production",
        ],
      },
    ],
    [
      "offline in the last run, and back",
      { published: { outcome: "offline" }, reachability: "best-effort" },
      {
        answer: "web: it was offline in the last run, so it was not deployed to",
        kinds: ["missed"],
        next: ["tools/pantheros up --on web --stack production"],
      },
    ],
    [
      "staged",
      {
        published: { outcome: "staged", step: "reboot", reason: "the kernel changes" },
        probe: answers({ staged: { token: "t", wanted: newSystem } }),
      },
      {
        answer: "web: the wanted system boots next: the kernel changes",
        kinds: ["reboot"],
        next: ["tools/pantheros up --on web --stack production"],
      },
    ],
    [
      "unreachable now",
      { probe: silent("Connection refused", "check that the host is up") },
      {
        answer: "web: it does not answer now: Connection refused",
        kinds: ["unreachable"],
        next: ["tools/pantheros doctor --only hosts --stack production"],
      },
    ],
    [
      "another machine answers",
      { probe: silent("Host key verification failed.") },
      {
        answer: "web: what answers is not accepted as this host: Host key verification failed.",
        kinds: ["refused"],
        next: ["tools/pantheros doctor --only hosts --stack production"],
      },
    ],
    [
      "an activation is under way",
      { probe: answers({ phase: "checking" }) },
      {
        answer: "web: an activation is under way: checking",
        kinds: ["activating"],
        next: ["tools/pantheros why web --stack production"],
      },
    ],
    [
      "drift",
      { probe: answers({ system: newSystem }) },
      {
        answer: "web: it runs a different system than the last run left",
        kinds: ["drift"],
        next: ["tools/pantheros up --on web --stack production"],
      },
    ],
    [
      "failed units",
      { probe: answers({ failedUnits: ["nginx.service"] }) },
      {
        answer: "web: runs the wanted system aaaaaaaa, but failed units: nginx.service",
        kinds: ["units"],
        next: ["tools/pantheros logs web nginx.service --stack production"],
      },
    ],
    [
      "the kernel of before",
      { probe: answers({ kernel: "/nix/store/b", bootedKernel: "/nix/store/a" }) },
      {
        answer:
          "web: runs the wanted system aaaaaaaa, but the kernel of an earlier system runs until the next reboot",
        kinds: ["kernel"],
        next: ["tools/pantheros up --on web --stack production"],
      },
    ],
    [
      "pinned",
      { pin: oldSystem },
      {
        answer:
          "web: runs the wanted system aaaaaaaa, but it is pinned to aaaaaaaa on purpose: runs do not deploy the flake's system",
        kinds: ["pinned"],
        next: ["tools/pantheros rollback --release web --stack production"],
      },
    ],
  ])("%s", (_, given, { answer, kinds, next }) => {
    const found = why(given);
    expect(found.answer).toBe(answer);
    expect(found.causes.map(({ kind }) => kind)).toEqual(kinds);
    expect(found.next).toEqual(next);
  });

  test("several causes at once: what keeps everybody from the host is first", () => {
    const found = why({
      published: { outcome: "rolled-back", step: "confirm", reason: "not reachable" },
      probe: silent("Connection timed out"),
      pin: newSystem,
    });
    expect(found.causes.map(({ kind }) => kind)).toEqual(["unreachable", "rolled-back", "pinned"]);
    expect(found.answer).toBe("web: it does not answer now: Connection timed out (and 2 more)");
  });
});

describe("a held host", () => {
  const held = { outcome: "held", step: "wave", reason: "waits for db (held), old (failed)" } as const;

  test("the chain leads to the hosts that failed, and their commands are first", () => {
    const fleet = fleetOf({
      canary: { published: { outcome: "rolled-back", step: "health", reason: "hello: status 500" } },
      db: { wave: 2, published: { outcome: "held", step: "wave", reason: "waits for canary (rolled-back)" } },
      old: { wave: 2 },
      web: { wave: 3, published: held },
    });
    const found = whyOf(fleet, "web");
    expect(found?.causes.map(({ host, kind }) => `${host} ${kind}`)).toEqual([
      "web wave",
      "db wave",
      "canary rolled-back",
    ]);
    expect(found?.answer).toBe(
      "web: the last run did not touch it: it waits for db (held), old (failed); canary: the last deploy was rolled back at health: hello: status 500",
    );
    expect(found?.next).toEqual([
      "tools/pantheros logs canary pantheros-activation --stack production",
      "tools/pantheros up --on canary --stack production",
      "tools/pantheros up --stack production",
    ]);
  });

  test("a pinned host of an earlier wave holds it until the pin is released", () => {
    const fleet = fleetOf({
      canary: { pin: oldSystem },
      web: { wave: 2, published: { outcome: "held", step: "wave", reason: "waits for canary (pinned)" } },
    });
    expect(whyOf(fleet, "web")?.next).toEqual([
      "tools/pantheros rollback --release canary --stack production",
      "tools/pantheros up --stack production",
    ]);
  });

  test("nothing holds it any more: the next up deploys it", () => {
    const fleet = fleetOf({ db: { wave: 1 }, web: { wave: 2, published: held } });
    expect(whyOf(fleet, "web")?.next).toEqual(["tools/pantheros up --stack production"]);
  });

  test("hosts that hold each other are explained once", () => {
    const waits = (host: string) => ({ outcome: "held", reason: `waits for ${host} (held)` }) as const;
    const fleet = fleetOf({ db: { published: waits("web") }, web: { published: waits("db") } });
    expect(whyOf(fleet, "web")?.causes.map(({ host }) => host)).toEqual(["web", "db"]);
  });
});

describe("a checkout that was not deployed", () => {
  const revision = { commit: "a".repeat(40), tree: "1".repeat(40), converged: true };
  const checkout = { commit: "b".repeat(40), tree: "2".repeat(40), dirty: false };

  test("another tree is a cause, with both commits", () => {
    const found = why({}, { revision }, checkout);
    expect(found.causes[0]?.text).toBe(
      "the last run deployed commit aaaaaaaaaaaa; the checkout is at bbbbbbbbbbbb",
    );
    expect(found.next).toEqual(["tools/pantheros preview --on web --stack production"]);
    expect(isBlocked(found)).toBe(false);
  });

  test("another commit with the same tree of the flake is none", () => {
    expect(why({}, { revision }, { ...checkout, tree: revision.tree }).causes).toEqual([]);
  });

  test("uncommitted changes are one", () => {
    const dirty = { ...checkout, tree: revision.tree, dirty: true };
    expect(why({}, { revision }, dirty).causes[0]?.text).toContain("uncommitted changes");
  });
});

test("a host that the last run was not for says so, and needs nobody's attention", () => {
  const lastUp = { id: "20260131T120000Z-aaaaaaaa", on: "@server", unselected: ["web"] };
  const found = whyOf(fleetOf({ web: {}, db: {} }), "web", { lastUp });
  expect(found?.answer).toBe(
    "web: runs the wanted system aaaaaaaa, but the last up here, 20260131T120000Z-aaaaaaaa (--on @server), was for other hosts, so it kept its system",
  );
  expect(found?.next).toEqual(["tools/pantheros preview --on web --stack production"]);
  expect(found && isBlocked(found)).toBe(false);
  expect(whyOf(fleetOf({ web: {}, db: {} }), "db", { lastUp })?.causes).toEqual([]);
});

test("a host that every run has found offline says since when", () => {
  const fleet = fleetOf({ web: { published: { outcome: "offline" }, reachability: "best-effort" } });
  const found = whyOf(fleet, "web", { offlineSince: "2026-01-29T08:00:30Z" });
  expect(found?.answer).toBe(
    "web: it was offline in the last run, so it was not deployed to; every run here has found it offline since 2026-01-29 08:00 UTC",
  );
});

test("whether it is converged is told only of a host that answered", () => {
  expect(why({}).converged).toBe(true);
  expect(why({ probe: answers({ system: newSystem }) }).converged).toBe(false);
  expect(why({ probe: silent("Connection refused") })).not.toHaveProperty("converged");
});

test("in the sandbox the commands need no --stack", () => {
  const found = why({ pin: oldSystem }, { stack: "organization/pantheros/sandbox" });
  expect(found.next).toEqual(["tools/pantheros rollback --release web"]);
});

test("text of a host has no control characters and does not make the answer long", () => {
  const reason = `\u001b[31m${"x".repeat(100_000)}\n::error::forged`;
  const { answer, causes } = why({ published: { outcome: "failed", step: "activate", reason } });
  for (const text of [answer, ...causes.map((cause) => cause.text)]) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test searches for them.
    expect(text).not.toMatch(/[\u0000-\u001f]/);
    expect(text.length).toBeLessThan(500);
  }
});

test("a host that the facts lack has no answer", () => {
  expect(whyOf(fleetOf({ web: {} }), "db")).toBeUndefined();
});

test("a system of a different host is shown by its hash", () => {
  expect(why({ pin: system("c") }).causes.at(-1)?.text).toContain("pinned to cccccccc");
});
