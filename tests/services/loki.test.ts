import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evaluate } from "../unit/nix/nix.ts";
import { type Entry, labeller } from "../unit/services/journal.ts";
import { freePort } from "../unit/services/texts.ts";
import { program, untilReady } from "./programs.ts";

jest.setTimeout(600_000);

type Settings = { readonly [key: string]: Readonly<Record<string, unknown>> };

const groups = evaluate(
  'import (nix + "/modules/services/monitoring/log-rules.nix") { hosts = ["web" "db"]; }',
) as readonly unknown[];
const panels = Object.values(
  evaluate(
    'import (nix + "/modules/services/monitoring/dashboards.nix") { cacheName = "cache.example.test"; }',
  ) as Record<string, { panels: { datasource: { type: string }; targets: { expr: string }[] }[] }>,
)
  .flatMap((dashboard) => dashboard.panels)
  .filter(({ datasource }) => datasource.type === "loki")
  .flatMap(({ targets }) => targets.map(({ expr }) => expr));

/** `services.loki.configuration` of the host that runs it. */
const settings = (state: string, port: number) =>
  evaluate(`(import (nix + "/../tests/unit/nix/one-module.nix") {
    inherit nix;
    module = nix + "/modules/services/monitoring/loki.nix";
    config = {
      pantheros.services.loki = { enable = true; listen = "127.0.0.1"; port = ${port}; retentionDays = 30; };
      services.loki.dataDir = "${state}";
    };
    args = { host.name = "web"; registry = { locate = _: _: null; expected.hosts = [ "web" "db" ]; }; };
  }).services.loki.configuration`) as Settings;

let directory: string;
let children: ChildProcess[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pantheros-loki-"));
  mkdirSync(join(directory, "rules/fake"), { recursive: true });
  writeFileSync(join(directory, "rules/fake/security.yaml"), JSON.stringify({ groups }));
});
afterEach(async () => {
  for (const child of children) {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "close");
  }
  children = [];
  rmSync(directory, { recursive: true });
});

/** Starts Loki with the settings, a rule directory and ports of this test, and rules that are evaluated each second. */
async function start(change: (settings: Settings) => Settings = (same) => same) {
  const [port, grpc] = [await freePort(), await freePort()];
  const given = change(settings(join(directory, "state"), port));
  const file = join(directory, "loki.yaml");
  const here = {
    ...given,
    server: { ...given["server"], grpc_listen_port: grpc },
    ruler: {
      ...given["ruler"],
      storage: { type: "local", local: { directory: join(directory, "rules") } },
      evaluation_interval: "1s",
    },
  };
  writeFileSync(file, JSON.stringify(here));
  const child = spawn(program("loki"), [`-config.file=${file}`], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  return { child, url: `http://127.0.0.1:${port}`, output: () => output };
}

const labels = labeller("web");

/** Sends entries as Alloy does; the answer's status. */
async function push(url: string, entries: readonly Entry[], more: Readonly<Record<string, string>> = {}) {
  const now = BigInt(Date.now()) * 1_000_000n;
  const streams = entries.map((entry, at) => ({
    stream: { ...labels(entry), ...more },
    values: [[String(now - BigInt(entries.length - at)), entry["message"]]],
  }));
  const answer = await fetch(`${url}/loki/api/v1/push`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ streams }),
  }).catch(() => undefined);
  return answer?.status;
}

const query = async (url: string, expr: string) => {
  const answer = await fetch(`${url}/loki/api/v1/query_range?${new URLSearchParams({ query: expr })}`);
  const text = await answer.text();
  return {
    status: answer.status,
    results: answer.ok ? (JSON.parse(text).data.result as unknown[]).length : text,
  };
};

const entry = (unit: string, identifier: string, message: string): Entry => ({
  _systemd_unit: unit,
  syslog_identifier: identifier,
  priority: "3",
  message,
});
const ENTRIES = [
  entry("session-4.scope", "sudo", "nobody : command not allowed ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id"),
  entry("caddy.service", "caddy", '{"level":"error","logger":"http.log.access","status":502}'),
  entry("pantheros-activation.service", "pantheros-supervisor", "confirmed"),
  ...Array.from({ length: 60 }, (_, at) =>
    entry("sshd.service", "sshd-session", `Invalid user oracle from 192.0.2.7 port ${4000 + at}`),
  ),
];

test("Loki starts with the settings, raises each alert on logs, and answers each panel", async () => {
  const { child, url, output } = await start();
  await untilReady(child, output, async () => (await push(url, ENTRIES)) === 204);
  const states = async () => {
    const answer = await fetch(`${url}/prometheus/api/v1/alerts`);
    const { data } = (await answer.json()) as {
      data: { alerts: { labels: Record<string, string>; state: string }[] };
    };
    return data.alerts
      .map((alert) => `${alert.labels["alertname"]} ${alert.labels["host"]}: ${alert.state}`)
      .sort();
  };
  // `for` of two of them is ten minutes.
  const wanted = ["JournalSilent db: pending", "SshGuessing web: pending", "SudoRefused web: firing"];
  await untilReady(child, output, async () => {
    const found: readonly string[] = await states().catch(() => []);
    return wanted.every((line) => found.includes(line));
  });
  expect(await states()).toEqual(wanted);
  for (const expr of panels) {
    // A range of metrics is not about these entries.
    const { status, results } = await query(url, expr.replace(/\$__\w+/g, "5m"));
    expect({ expr, status, results }).toEqual({ expr, status: 200, results: expect.any(Number) });
  }
});

test("a sender with too many labels is refused, so that strangers cannot fill the memory", async () => {
  const { child, url, output } = await start();
  await untilReady(child, output, async () => (await push(url, ENTRIES.slice(0, 1))) === 204);
  const many = Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`label${at}`, "x"]));
  expect(await push(url, ENTRIES.slice(0, 1), many)).toBe(400);
});

test.each<[string, (given: Settings) => Settings, string]>([
  [
    "an unknown setting",
    (given: Settings) => ({ ...given, compactor: { ...given["compactor"], retain: true } }),
    "retain",
  ],
  [
    "a wrong duration",
    (given: Settings) => ({
      ...given,
      limits_config: { ...given["limits_config"], retention_period: "thirty days" },
    }),
    "thirty",
  ],
])("Loki refuses a planted error: %s", async (_, change, named) => {
  const { child, output } = await start(change);
  if (child.exitCode === null) await once(child, "close");
  expect(child.exitCode).not.toBe(0);
  expect(output()).toContain(named);
});
