/** The fleet of the documentation's screenshots, which the tests of the pages show too. It is the same at each call. */
import type { Rehearsals } from "../../centre/rehearsals.ts";
import type { HostStatus } from "../../status/classify.ts";
import type { FleetFacts, HostDetail } from "../../status/detail.ts";

/** The moment at which the example is shown. */
export const EXAMPLE_NOW = Date.parse("2026-01-15T07:30:00Z");

const ago = (seconds: number): string => new Date(EXAMPLE_NOW - seconds * 1000).toISOString();
const HOUR = 3600;
const DAY = 24 * HOUR;

/** A store path whose hash is made of the word, in Nix' alphabet. */
function exampleSystem(name: string, version: number): string {
  const alphabet = "0123456789abcdfghijklmnpqrsvwxyz";
  let sum = 7 + version * 7919;
  const hash = Array.from({ length: 32 }, (_, at) => {
    sum = (sum * 31 + (name.charCodeAt(at % name.length) || 1) + at) % 1_000_003;
    return alphabet[sum % alphabet.length];
  });
  return `/nix/store/${hash.join("")}-nixos-system-${name}-26.05.20260114`;
}

const kernel = (version: string): string =>
  `${exampleSystem("kernel", Number(version.replaceAll(".", ""))).slice(0, 43)}-linux-${version}/bzImage`;

type Given = Partial<Omit<HostDetail, "status">> & { readonly status?: Partial<HostStatus> };

function host(name: string, number: number, { status = {}, ...more }: Given = {}): HostDetail {
  const running = exampleSystem(name, 2);
  const address = `203.0.113.${10 + number}`;
  return {
    status: {
      name,
      wave: 2,
      required: (more.reachability ?? "always") === "always",
      state: "ok",
      reachable: true,
      outcome: "confirmed",
      running,
      boots: running,
      confirmed: true,
      wanted: running,
      generation: 40 + number,
      needsReboot: false,
      commit: "4be1f0a98c5512d07a3c44be1f0a98c5512d07a3",
      ...status,
    },
    environment: "production",
    reachability: "always",
    reboot: "never",
    tags: ["server"],
    addresses: { ipv4: address, tailnet: `${name}.tail0000.ts.net` },
    seconds: { build: 12.4, copy: 3.1, activate: 6.2 + number, confirm: 1.4 },
    health: [
      { name: "sshd", ok: true, detail: "port 22 answers" },
      { name: "node-exporter", ok: true, detail: "status 200" },
    ],
    deployed: {
      at: ago(14 * HOUR + number * 40),
      by: "ci",
      commit: "4be1f0a98c5512d07a3c44be1f0a98c5512d07a3",
      dirty: false,
      previous: exampleSystem(name, 1),
    },
    kernel: kernel("6.12.63"),
    bootedKernel: kernel("6.12.63"),
    phase: "idle",
    services: [],
    names: [{ name: `${name}.example.test`, type: "A", content: address }],
    ...more,
  };
}

const service = (name: string, isPublic = true) => ({
  services: [{ name, url: `https://${name}.example.test`, public: isPublic }],
});

const record = (name: string, type: string, content: string) => ({ name, type, content });

const DETAILS: readonly HostDetail[] = [
  host("db", 2, {
    status: {
      state: "rolled-back",
      detail: "health: postgres: connection refused",
      outcome: "rolled-back",
      wanted: exampleSystem("db", 3),
    },
    tags: ["server", "database"],
    reason:
      "health: the check postgres failed 3 times\n| postgres: connection refused on port 5432\n| the previous system runs again",
    health: [
      { name: "sshd", ok: true, detail: "port 22 answers" },
      { name: "postgres", ok: false, detail: "connection refused on port 5432" },
    ],
    deployed: { at: ago(6 * DAY), by: "ci", commit: "90d3c7e15ab2290d3c7e15ab2290d3c7e15ab229" },
  }),
  host("mail", 5, {
    status: { state: "unreachable", detail: "ssh: connection timed out", reachable: false },
    ...service("mail"),
  }),
  host("metrics", 6, {
    status: {
      state: "degraded",
      detail: "failed units: grafana.service",
      failedUnits: ["grafana.service"],
    },
    ...service("grafana", false),
  }),
  host("cache", 1, {
    status: {
      state: "staged",
      detail: "the wanted system boots next",
      outcome: "staged",
      wave: 1,
      wanted: exampleSystem("cache", 3),
      boots: exampleSystem("cache", 3),
      needsReboot: true,
    },
    kernel: kernel("6.18.4"),
    ...service("cache"),
  }),
  host("laptop", 11, {
    status: { state: "offline", detail: "no route to host", reachable: false, wave: 3 },
    reachability: "best-effort",
    tags: ["desktop"],
    names: [],
    health: [],
  }),
  host("auth", 3, {
    status: { state: "pinned", pinned: exampleSystem("auth", 2) },
    deployed: {
      at: ago(3 * DAY),
      by: "a person",
      commit: "1c44d0b6a9f831c44d0b6a9f831c44d0b6a9f831",
      dirty: true,
    },
    ...service("login"),
  }),
  host("gate", 0, {
    status: { wave: 1 },
    tags: ["server", "proxy"],
    names: [
      record("gate.example.test", "A", "203.0.113.10"),
      record("example.test", "A", "203.0.113.10"),
      record("www.example.test", "CNAME", "gate.example.test"),
    ],
    ...service("www"),
  }),
  host("build", 4, { tags: ["server", "builder"] }),
  host("web-1", 7, { tags: ["server", "web"], ...service("shop") }),
  host("web-2", 8, { tags: ["server", "web"], ...service("blog") }),
  host("files", 9, { ...service("files", false) }),
  host("desk", 10, {
    status: { wave: 3 },
    reachability: "best-effort",
    tags: ["desktop"],
    names: [],
  }),
];

const recovery = (withinMinutes: number, lossHours: number) => ({ withinMinutes, lossHours });

const BUDGETS: NonNullable<FleetFacts["budgets"]> = {
  commandSeconds: 1,
  updateSeconds: 60,
  changeSeconds: 15,
  hardwareScanSeconds: 5,
  memoryMb: 100,
  cpuPercent: 5,
  storageMb: 500,
  recovery: {
    configuration: recovery(10, 0),
    host: recovery(60, 0),
    database: recovery(120, 24),
    cache: recovery(240, 0),
    disaster: recovery(480, 24),
  },
};

const rehearsed = (name: string, seconds: number, passed = true) => ({
  name,
  startedAt: ago(2 * DAY),
  seconds,
  passed,
  commit: "4be1f0a98c5512d07a3c44be1f0a98c5512d07a3",
});

export const EXAMPLE_REHEARSALS: Rehearsals = {
  results: [
    rehearsed("configuration", 41),
    rehearsed("host", 148),
    { ...rehearsed("database", 97, false), reason: "the newest dump is 31 h old" },
    rehearsed("disaster", 402),
  ],
  problems: [],
};

/** A fleet of these hosts, asked 12 seconds before EXAMPLE_NOW. */
export const fleetOfHosts = (details: readonly HostDetail[]): FleetFacts => ({
  status: {
    schemaVersion: 1,
    stack: "organization/pantheros/production",
    environment: "production",
    at: ago(12),
    asked: true,
    hosts: details.map(({ status }) => status),
  },
  details,
  budgets: BUDGETS,
});

export const exampleFleet = (): FleetFacts => fleetOfHosts(DETAILS);

/** A fleet in which no host needs attention. */
export const calmFleet = (): FleetFacts =>
  fleetOfHosts(DETAILS.filter(({ status }) => status.state === "ok"));

/** A fleet of `count` hosts in four waves, all well. */
export const largeFleet = (count: number): FleetFacts =>
  fleetOfHosts(
    Array.from({ length: count }, (_, at) =>
      host(`node-${String(at + 1).padStart(2, "0")}`, at, {
        status: { wave: 1 + (at % 4) },
        ...(at % 3 === 0 ? service(`app-${at + 1}`) : {}),
      }),
    ),
  );
