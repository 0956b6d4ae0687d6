import { readFileSync } from "node:fs";
import { join } from "node:path";
import { evaluate } from "../nix/nix.ts";
import { mayEnter, Work } from "./root.ts";
import { freePort } from "./texts.ts";

const test = mayEnter ? global.test : global.test.skip;

const HOST = "cloud";
const NAME = "auth.example.test";
const URL_OF_NAME = `https://${NAME}/`;
const DAY = 1440;
const INTERVAL = 30;

interface Rule {
  readonly alert?: string;
  readonly expr: string;
}
interface Group {
  readonly name: string;
  readonly rules: readonly Rule[];
}
interface Panel {
  readonly title: string;
  readonly datasource: { readonly type: string };
  readonly targets: readonly { readonly expr: string }[];
}

const groups = evaluate(`import (nix + "/modules/services/monitoring/rules.nix") {
  interval = ${INTERVAL};
  expected = {
    hosts = ["${HOST}"]; dumps = ["${HOST}"]; backups = ["${HOST}"]; replicas = ["${HOST}"];
    probes = ["${URL_OF_NAME}"]; gateways.${HOST} = ["${NAME}"];
  };
}`) as readonly Group[];
const dashboards = evaluate(
  'import (nix + "/modules/services/monitoring/dashboards.nix") { cacheName = "cache.example.test"; }',
) as Readonly<Record<string, { readonly panels: readonly Panel[] }>>;

/** A series of promtool's tests. The value is constant, or grows by `step` per minute. */
interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly step?: number;
  /** Values in promtool's notation, instead of `value` and `step`. */
  readonly values?: string;
}

/** Samples of a text in Prometheus' exposition format, with the labels that Alloy adds. */
function parse(exposition: string, added: Readonly<Record<string, string>>): Series[] {
  return exposition
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, name = "", inner = "", value = ""] =
        /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const labels = Object.fromEntries(
        [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = "", text = ""]) => [key, text]),
      );
      return { name, labels: { ...labels, ...added }, value: Number(value) };
    });
}

const seriesText = ({ name, labels }: Series): string =>
  `${name}{${Object.entries(labels)
    .map(([key, value]) => `${key}="${value}"`)
    .join(",")}}`;

interface Case {
  readonly series: readonly Series[];
  readonly minutes: number;
  /**
   * Minutes between samples and evaluations, for a test of days; only the rule group of backups is
   * evaluated. By default half a minute, as on the monitor.
   */
  readonly every?: number;
  readonly expressions: Readonly<
    Record<string, readonly { readonly labels: string; readonly value: number }[]>
  >;
}

/** promtool's test file (JSON is YAML), with `seconds` between samples and evaluations. */
function testFile(cases: readonly Case[], seconds: number): string {
  return JSON.stringify({
    rule_files: [seconds === INTERVAL ? "rules.json" : "backups.json"],
    evaluation_interval: `${seconds}s`,
    tests: cases.map(({ series, minutes, expressions }) => {
      const samples = Math.ceil((minutes * 60) / seconds) + 1;
      return {
        interval: `${seconds}s`,
        input_series: series.map((entry) => ({
          series: seriesText(entry),
          values: entry.values ?? `${entry.value}+${((entry.step ?? 0) * seconds) / 60}x${samples}`,
        })),
        promql_expr_test: Object.entries(expressions).map(([expr, exp_samples]) => ({
          expr,
          eval_time: `${minutes}m`,
          exp_samples,
        })),
      };
    }),
  });
}

const FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})';
const noAlert = { [FIRING]: [] };
const fires = (...names: readonly string[]) => ({
  [FIRING]: names.toSorted().map((name) => ({ labels: `{alertname="${name}"}`, value: 1 })),
});

let work: Work;
let exported: Series[] = [];

/** Starts an exporter and reads its metrics. */
async function scrape(argv: readonly string[], path: string): Promise<string> {
  const port = await freePort();
  await work.startUntil([...argv, `--web.listen-address=127.0.0.1:${port}`], (output) =>
    output.includes("Listening on"),
  );
  return await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
}

/** Names of metrics that a rule or panel mentions. */
const mentioned = new Set(
  [
    ...groups.flatMap(({ rules }) => rules),
    ...Object.values(dashboards).flatMap(({ panels }) => panels.flatMap(({ targets }) => targets)),
  ].flatMap(({ expr }) => expr.match(/[a-zA-Z_:][a-zA-Z0-9_:]*/g) ?? []),
);

beforeAll(async () => {
  if (!mayEnter) return;
  work = new Work();
  work.write("rules.json", JSON.stringify({ groups }));
  work.write("backups.json", JSON.stringify({ groups: groups.filter(({ name }) => name === "backups") }));
  work.write(
    "metrics/x.prom",
    "# TYPE pantheros_backup_success_seconds gauge\npantheros_backup_success_seconds 5\n",
  );
  const probe = evaluate('import (nix + "/modules/services/monitoring/probe.nix")');
  const modules = evaluate(`(import (nix + "/lib/alloy.nix")).certificateModules ["${NAME}"]`) as object;
  work.write("blackbox.json", JSON.stringify({ modules: { https: probe, ...modules } }));
  const node = await scrape(
    ["prometheus-node-exporter", "--collector.processes", "--collector.textfile.directory=/work/metrics"],
    "/metrics",
  );
  const blackbox = await scrape(
    ["prometheus-blackbox-exporter", "--config.file=/work/blackbox.json"],
    "/probe?module=https&target=https://127.0.0.1:1/",
  );
  exported = [
    ...parse(node, { host: HOST, job: "integrations/unix", instance: HOST }),
    ...parse(blackbox, { job: "probe", instance: URL_OF_NAME }),
  ].filter(({ name }) => mentioned.has(name));
}, 60_000);
afterAll(async () => {
  if (mayEnter) await work.remove();
});

const seen = (entries: readonly Series[], name: string) => entries.filter((entry) => entry.name === name);
const without = (entries: readonly Series[], ...names: readonly string[]) =>
  entries.filter(({ name }) => !names.includes(name));
/** The series, with a different value for one metric. */
const set = (entries: readonly Series[], name: string, value: number) =>
  entries.map((entry) => (entry.name === name ? { ...entry, value } : entry));

/**
 * The series of a healthy host: those of the real exporters, and those that this machine cannot export.
 * Tests begin at time 0.
 */
function healthy(): Series[] {
  const at = { host: HOST, job: "integrations/unix", instance: HOST };
  const certificate = { job: "certificate", instance: `https://${NAME}`, host: HOST };
  const real = exported
    .filter(({ name }) => !name.startsWith("pantheros_") && name !== "probe_success")
    .map((entry) => ({ ...entry, ...(entry.name.endsWith("_total") ? { step: 6 } : {}) }));
  const sizes = set(set(real, "node_filesystem_size_bytes", 100), "node_filesystem_avail_bytes", 50);
  const memory = set(set(sizes, "node_memory_MemTotal_bytes", 100), "node_memory_MemAvailable_bytes", 50);
  return [
    ...set(set(memory, "node_timex_offset_seconds", 0.001), "node_boot_time_seconds", 0),
    // Its collector needs systemd, which does not run here. Source: collector/systemd_linux.go of
    // node_exporter.
    ...["active", "failed"].map((state) => ({
      name: "node_systemd_unit_state",
      labels: { ...at, name: "caddy.service", state, type: "notify" },
      value: state === "active" ? 1 : 0,
    })),
    { name: "up", labels: { job: "caddy", instance: HOST, host: HOST }, value: 1 },
    { name: "up", labels: { job: "grafana", instance: "127.0.0.1:3010" }, value: 1 },
    { name: "probe_success", labels: { job: "probe", instance: URL_OF_NAME }, value: 1 },
    { name: "probe_success", labels: certificate, value: 1 },
    { name: "probe_ssl_earliest_cert_expiry", labels: certificate, value: 60 * 86400, step: 60 },
    // Without host names, as Caddy exports it. Source: modules/caddyhttp/metrics.go of Caddy.
    {
      name: "caddy_http_request_duration_seconds_count",
      labels: {
        code: "200",
        handler: "reverse_proxy",
        method: "GET",
        server: "srv0",
        job: "caddy",
        instance: HOST,
        host: HOST,
      },
      value: 0,
      step: 60,
    },
    { name: "pantheros_postgres_replica_streaming", labels: at, value: 1 },
    ...["postgres_dump", "backup", "backup_check"].map((what) => ({
      name: `pantheros_${what}_success_seconds`,
      labels: at,
      value: 0,
      step: 60,
    })),
  ];
}

/** promtool's output if a test fails, otherwise "". */
function failuresOf(cases: readonly Case[]): string {
  const intervals = new Set(cases.map(({ every }) => every));
  return [...intervals]
    .map((every) => {
      const file = testFile(
        cases.filter((entry) => entry.every === every),
        every === undefined ? INTERVAL : every * 60,
      );
      work.write("tests.json", file);
      const { code, stdout, stderr } = work.run(["promtool", "test", "rules", "/work/tests.json"]);
      return code === 0 ? "" : stdout + stderr;
    })
    .join("");
}

test("the exporters have every metric that a rule or panel uses", () => {
  const theirs = [...mentioned].filter((name) => /^(node|probe)_/.test(name));
  const absent = theirs.filter((name) => seen(exported, name).length === 0);
  expect(theirs.length).toBeGreaterThan(10);
  // These need systemd, and a served certificate.
  expect(absent.toSorted()).toEqual(["node_systemd_unit_state", "probe_ssl_earliest_cert_expiry"]);
});

test("promtool accepts the rules, and refuses them with a planted error", () => {
  expect(work.run(["promtool", "check", "rules", "/work/rules.json"])).toMatchObject({ code: 0 });
  const text = JSON.stringify({ groups }).replace("absent(", "absend(");
  work.write("planted.json", text);
  const planted = work.run(["promtool", "check", "rules", "/work/planted.json"]);
  expect(planted.code).not.toBe(0);
  expect(planted.stderr + planted.stdout).toContain("absend");
});

/** The fault that makes each alert, and no other, fire `minutes` after the start. */
const FAULTS: Readonly<Record<string, (all: Series[]) => Pick<Case, "series" | "minutes" | "every">>> = {
  HostSilent: (all) => ({ series: without(all, "node_time_seconds"), minutes: 6 }),
  MetricMissing: (all) => ({ series: without(all, "node_systemd_unit_state"), minutes: 11 }),
  DiskAlmostFull: (all) => {
    const [first] = seen(all, "node_filesystem_avail_bytes").filter(
      ({ labels }) => labels["fstype"] !== "tmpfs",
    );
    return { series: all.map((entry) => (entry === first ? { ...entry, value: 5 } : entry)), minutes: 16 };
  },
  MemoryAlmostFull: (all) => ({ series: set(all, "node_memory_MemAvailable_bytes", 5), minutes: 16 }),
  UnitFailed: (all) => ({
    series: all.map((entry) => (entry.labels["state"] === "failed" ? { ...entry, value: 1 } : entry)),
    minutes: 6,
  }),
  ClockOff: (all) => ({ series: set(all, "node_timex_offset_seconds", -0.7), minutes: 11 }),
  ServiceDown: (all) => ({
    series: all.map((entry) => (entry.labels["job"] === "grafana" ? { ...entry, value: 0 } : entry)),
    minutes: 6,
  }),
  NameDown: (all) => ({
    series: all.map((entry) =>
      entry.name === "probe_success" && entry.labels["job"] === "probe" ? { ...entry, value: 0 } : entry,
    ),
    minutes: 6,
  }),
  CertificateExpires: (all) => ({
    series: set(all, "probe_ssl_earliest_cert_expiry", 13 * 86400),
    minutes: 61,
  }),
  NameUnseen: (all) => ({
    series: all.filter(({ name, labels }) => name !== "probe_success" || labels["job"] !== "probe"),
    minutes: 11,
  }),
  GatewayUnseen: (all) => ({
    series: all.filter(({ name, labels }) => name !== "up" || labels["job"] !== "caddy"),
    minutes: 11,
  }),
  CertificateUnseen: (all) => ({ series: without(all, "probe_ssl_earliest_cert_expiry"), minutes: 31 }),
  DumpOld: (all) => ({
    series: stopped(all, "pantheros_postgres_dump_success_seconds", 27 * 3600),
    minutes: 11,
  }),
  ReplicaStopped: (all) => ({ series: set(all, "pantheros_postgres_replica_streaming", 0), minutes: 16 }),
  ReplicaMissing: (all) => ({ series: without(all, "pantheros_postgres_replica_streaming"), minutes: 61 }),
  BackupOld: (all) => ({ series: stopped(all, "pantheros_backup_success_seconds", 27 * 3600), minutes: 11 }),
  BackupUnchecked: (all) => ({
    series: stopped(all, "pantheros_backup_check_success_seconds", 10 * 86400),
    minutes: 61,
  }),
  DumpMissing: (all) => ({
    series: without(all, "pantheros_postgres_dump_success_seconds"),
    minutes: 27 * 60,
    every: 4,
  }),
  BackupMissing: (all) => ({
    series: without(all, "pantheros_backup_success_seconds"),
    minutes: 27 * 60,
    every: 4,
  }),
  BackupCheckMissing: (all) => ({
    series: without(all, "pantheros_backup_check_success_seconds"),
    minutes: 10 * DAY,
    every: 4,
  }),
};
/** The series, with a metric that stays at a time `before` seconds before the start. */
const stopped = (all: readonly Series[], name: string, before: number) =>
  all.map((entry) => (entry.name === name ? { ...entry, value: -before, step: 0 } : entry));

/** The series of tests of days. */
const small = (all: readonly Series[]) => all.filter(({ name }) => name.startsWith("pantheros_"));

test("every alert of the rules has a fault", () => {
  const named = groups.flatMap(({ rules }) => rules.flatMap(({ alert }) => alert ?? []));
  expect(Object.keys(FAULTS).toSorted()).toEqual([...new Set(named)].toSorted());
});

test("on a healthy host no alert fires; each fault makes only its own alert fire", () => {
  const faults = Object.entries(FAULTS).map(([name, fault]) => {
    const { series, ...rest } = fault(healthy());
    return { ...rest, series: rest.every === undefined ? series : small(series), expressions: fires(name) };
  });
  const failures = failuresOf([{ series: healthy(), minutes: 70, expressions: noAlert }, ...faults]);
  expect(failures).toBe("");
}, 60_000);

/** Metrics of an expression that compares values, such as `a / b < 0.1`. */
const metricsOf = (expr: string): readonly string[] =>
  expr.replace(/\{[^}]*\}/g, "").match(/\b(node|probe|pantheros|up)(_\w+)?\b/g) ?? [];

test("each metric that an alert compares has an alert for its absence, for each host or name that must send it", () => {
  const rules = groups.flatMap((group) => group.rules.filter(({ alert }) => alert !== undefined));
  const absences = rules.flatMap(({ expr }) => /^absent\((\w+)\{.*(?:host|instance)=/.exec(expr)?.[1] ?? []);
  const compared = rules
    .filter(({ expr }) => !expr.startsWith("absent("))
    .flatMap(({ expr }) => metricsOf(expr));
  expect(compared.length).toBeGreaterThan(8);
  expect(compared.filter((metric) => !absences.includes(metric))).toEqual([]);
});

test("a metric that only one host lacks makes its alert fire for that host", () => {
  const metrics = [
    "node_filesystem_avail_bytes",
    "node_memory_MemAvailable_bytes",
    "node_timex_offset_seconds",
  ];
  const failures = failuresOf(
    metrics.map((metric) => ({
      series: without(healthy(), metric),
      minutes: 11,
      expressions: {
        'ALERTS{alertstate="firing"}': [
          {
            labels: `ALERTS{alertname="MetricMissing",alertstate="firing",host="${HOST}",metric="${metric}",severity="warning"}`,
            value: 1,
          },
        ],
      },
    })),
  );
  expect(failures).toBe("");
});

test("containers that come and go create no series of the machine", async () => {
  const { interfaces, mounts } = evaluate(
    'let alloy = import (nix + "/lib/alloy.nix"); in { interfaces = alloy.excludedInterfaces; mounts = alloy.excludedMounts; }',
  ) as { interfaces: string; mounts: string };
  const metrics = join(work.directory, "node.txt");
  const store = "var/lib/containers";
  const port = 9100;
  // In its own network, with a container's interface and mounts. /var/lib/containers itself is a mount class.
  await work.startUntil(
    [
      "sh",
      "-c",
      `prometheus-node-exporter --no-collector.arp --web.listen-address=127.0.0.1:${port} \
        --collector.netdev.device-exclude='${interfaces}' --collector.netclass.ignored-devices='${interfaces}' \
        --collector.filesystem.mount-points-exclude='${mounts}' & exec python3 -c '
import time, urllib.request
for _ in range(600):
    try:
        text = urllib.request.urlopen("http://127.0.0.1:${port}/metrics").read().decode()
        break
    except OSError:
        time.sleep(0.1)
open("/work/node.txt", "w").write(text)
print("written", flush=True)
time.sleep(3600)'`,
    ],
    (output) => output.includes("written"),
    {
      prepare: `
        ip link set lo up
        ip link add veth0a1b2c3d type veth peer name outside
        mkdir -p "$root/run/user/1000"
        mount -t tmpfs tmpfs "$root/var/lib"
        mkdir "$root/${store}"
        mount -t tmpfs tmpfs "$root/${store}"
        mkdir -p "$root/${store}/storage/overlay-containers/0a1b/userdata/shm"
        mount -t tmpfs tmpfs "$root/${store}/storage/overlay-containers/0a1b/userdata/shm"
        mount -t tmpfs tmpfs "$root/run/user/1000"`,
    },
  );
  const text = readFileSync(metrics, "utf8");
  expect(text).toContain('device="outside"');
  expect(text).toContain(`mountpoint="/${store}"`);
  expect(text.split("\n").filter((line) => /veth|overlay-containers|run\/user|^node_arp/.test(line))).toEqual(
    [],
  );
});

test("an alert that keeps firing is one incident however often it is sent, and its time counts once", () => {
  // Two hours down, one up, one down, one up; the alert fires after five minutes, and no other fires.
  const series = healthy().map((entry) =>
    entry.name === "probe_success" && entry.labels["job"] === "probe"
      ? { ...entry, values: "0x240 1x120 0x120 1x120" }
      : entry,
  );
  const figure = (name: string, value: number) => ({ [name]: [{ labels: name, value }] });
  const failures = failuresOf([
    {
      series,
      minutes: 300,
      expressions: {
        ...figure("pantheros:incidents:30d", 2),
        ...figure("pantheros:firing_seconds:30d", 171 * 60),
        ...figure("pantheros:availability:30d", 239 / 601),
      },
    },
  ]);
  expect(failures).toBe("");
});

test("availability is the average of the probed names, and has no value without them", () => {
  const figure = "pantheros:availability:30d";
  const probe = (value: number, name: string) => ({
    name: "probe_success",
    labels: { job: "probe", instance: name },
    value,
  });
  const failures = failuresOf([
    {
      series: [probe(1, "https://a"), probe(0, "https://b")],
      minutes: 20,
      expressions: { [figure]: [{ labels: figure, value: 0.5 }] },
    },
    { series: [], minutes: 20, expressions: { [figure]: [] } },
  ]);
  expect(failures).toBe("");
});

test("every query of a panel has a value", () => {
  const queries = Object.values(dashboards).flatMap(({ panels }) =>
    panels.filter(({ datasource }) => datasource.type === "prometheus").flatMap(({ targets }) => targets),
  );
  expect(queries.length).toBeGreaterThan(20);
  const { series } = FAULTS["ClockOff"]?.(healthy()) ?? { series: [] };
  const expressions = Object.fromEntries(
    queries.map(({ expr }) => [`count(${expr}) > bool 0`, [{ labels: "{}", value: 1 }]]),
  );
  const failures = failuresOf([{ series, minutes: 30, expressions }]);
  expect(failures).toBe("");
});

test("promtool accepts the scrapes, amtool the alert routes; both refuse a planted error", () => {
  const scrapes = evaluate(`import (nix + "/modules/services/monitoring/scrapes.nix") {
    blackbox = "127.0.0.1:9115"; probes = ["${URL_OF_NAME}"];
    scrapes = [{ job = "netdata"; target = "127.0.0.1:19999"; path = "/m"; params.format = ["prometheus"]; }];
  }`);
  const check = (configs: string) => {
    work.write("prometheus.json", configs);
    return work.run(["promtool", "check", "config", "/work/prometheus.json"]);
  };
  const text = JSON.stringify({ scrape_configs: scrapes, rule_files: ["rules.json"] });
  expect(check(text)).toMatchObject({ code: 0 });
  expect(check(text.replace("relabel_configs", "relabel_config")).code).not.toBe(0);

  const routes = evaluate(
    'import (nix + "/modules/services/monitoring/alerting.nix") { repeatHours = 12; url = "http://127.0.0.1:1/"; }',
  );
  const alerting = (config: string) => {
    work.write("alertmanager.json", config);
    return work.run(["amtool", "check-config", "/work/alertmanager.json"]);
  };
  expect(alerting(JSON.stringify(routes))).toMatchObject({ code: 0 });
  expect(
    alerting(JSON.stringify(routes).replace('"receiver":"webhook"', '"receiver":"nobody"')).code,
  ).not.toBe(0);
});
