import { readdirSync, readFileSync } from "node:fs";
import { spanOf } from "../../../cli/report/report.ts";
import { CLOUDFLARE_RANGES } from "../../../clients/cloudflare/ranges.ts";
import { environmentName } from "../../../inventory/host.ts";
import { loadInventory } from "../../../inventory/load.ts";
import { planFor } from "../../../inventory/plan.ts";
import { webSourcesOf } from "../../../inventory/web-sources.ts";
import { evaluate, evaluationError } from "./nix.ts";

const registry = (toml: string, wanted: string): string =>
  `let registry = import (nix + "/lib/registry.nix") ((import (nix + "/lib/fleet.nix")).fromAttrs (builtins.fromTOML ${JSON.stringify(toml).replaceAll("$", "\\$")})); in ${wanted}`;
const lowered = (wanted: string, toml = small) => evaluate(registry(toml, wanted));

/** A gateway, a machine at home behind it, and one in staging without a gateway. */
const small = `
schema = 1
[fleet]
domain = "example.test"
[environments.homelab]
gateway = "cloud"
[environments.staging]
dns_prefix = "staging"
[tailnet]
suffix = "tail0000.ts.net"
admins = "admins"
[cache]
name = "cache"
host = "mirror"
[storage]
region = "eu-central-003"
[buckets.b]
environment = "staging"
purpose = "cache"
name = "the-bucket"
[hosts.cloud]
environment = "homelab"
profiles = ["server"]
provider = { kind = "existing", vendor = "x", address = "192.0.2.1" }
[hosts.home]
environment = "homelab"
profiles = ["server"]
provider = { kind = "existing", vendor = "x", address = "192.0.2.2" }
backup = ["/srv"]
[hosts.mirror]
environment = "staging"
profiles = ["server"]
provider = { kind = "existing", vendor = "x", address = "192.0.2.3" }
[services.auth]
host = "cloud"
port = 9091
public = true
auth = "own"
module = "authelia"
health = "/api/health"
[services.grafana]
host = "home"
port = 3010
public = true
mfa = true
groups = ["developers"]
metrics = "/metrics"
backup = ["/var/lib/grafana", "/srv"]
[services.prometheus]
host = "home"
port = 3020
[services.netdata]
host = "home"
port = 19999
metrics = "/api/allmetrics?format=prometheus&source=average"
[services.greeting]
host = "mirror"
port = 8000
public = true
auth = "none"
auth_reason = "a greeting"
proxied = false
metrics = "/m"
module = "custom"
[services.attic]
host = "mirror"
port = 8080
auth = "own"
`;

const upstreamAtHome = "home.tail0000.ts.net:3010";

test("a public service is served by its environment's gateway, over the tailnet, with sign-on", () => {
  expect(lowered("registry.hosts.cloud.virtualHosts")).toEqual({
    "auth.example.test": {
      service: "auth",
      auth: "own",
      proxied: true,
      certificate: "example.test",
      upstream: "127.0.0.1:9091",
      forwardAuth: null,
    },
    "grafana.example.test": {
      service: "grafana",
      auth: "sso",
      proxied: true,
      certificate: "example.test",
      upstream: upstreamAtHome,
      forwardAuth: "127.0.0.1:9091",
    },
  });
  expect(lowered("registry.hosts.home.virtualHosts")).toEqual({});
});

test("without a gateway a host serves its own names, and the cache under the cache's name, never proxied", () => {
  expect(
    lowered(
      "builtins.mapAttrs (_: v: [ v.upstream v.proxied v.certificate ]) registry.hosts.mirror.virtualHosts",
    ),
  ).toEqual({
    "greeting.staging.example.test": ["127.0.0.1:8000", false, "staging.example.test"],
    "cache.staging.example.test": ["127.0.0.1:8080", false, "staging.example.test"],
  });
  expect(lowered("registry.hosts.mirror.certificates")).toEqual(["staging.example.test"]);
});

describe("the control centre", () => {
  const centre = (host: string) => `${small}
[services.centre]
host = "${host}"
port = 4100
public = true
mfa = true
groups = ["developers"]
module = "control-centre"
`;

  test("is reached over its socket, behind sign-on, and opens no port", () => {
    const toml = centre("cloud");
    expect(lowered('registry.hosts.cloud.virtualHosts."centre.example.test"', toml)).toMatchObject({
      upstream: "unix//run/pantheros-centre-proxy.sock",
      forwardAuth: "127.0.0.1:9091",
    });
    expect(lowered("registry.hosts.cloud.firewall", toml)).toEqual(lowered("registry.hosts.cloud.firewall"));
    expect(lowered("registry.accessRules", toml)).toContainEqual({
      domain: "centre.example.test",
      policy: "two_factor",
      subject: ["group:admins", "group:developers"],
    });
  });

  test("on another host than the one that serves its name is refused", () => {
    expect(evaluationError(registry(centre("home"), "registry.hosts.cloud.virtualHosts"))).toContain(
      "services.centre.host: control-centre is reached over a socket, so it must run on cloud",
    );
  });
});

test("only administrators and a service's groups pass sign-on, with a second factor if required", () => {
  expect(lowered("registry.accessRules")).toEqual([
    { domain: "grafana.example.test", policy: "two_factor", subject: ["group:admins", "group:developers"] },
  ]);
  expect(lowered("registry.groups")).toEqual(["admins", "developers"]);
});

test("ports are open to the internet only on hosts that serve names, and only to Cloudflare when all names use it", () => {
  expect(lowered("builtins.mapAttrs (_: h: h.firewall) registry.hosts")).toEqual({
    cloud: { public: [80, 443], cloudflareOnly: true, tailnet: [] },
    home: { public: [], cloudflareOnly: false, tailnet: [3010, 3020, 19999] },
    mirror: { public: [80, 443], cloudflareOnly: false, tailnet: [8000, 8080] },
  });
});

test.each(["nix/fleet.toml", "sandbox/nix/fleet.toml"])(
  "hosts of %s open the web to whom the vendor's firewall does",
  (file) => {
    const inventory = loadInventory(file);
    const hosts = evaluate(
      `builtins.mapAttrs (_: h: h.firewall) (import (nix + "/lib/registry.nix") ((import (nix + "/lib/fleet.nix")).fromFile (nix + "/../${file}"))).hosts`,
    ) as Record<string, { public: number[]; cloudflareOnly: boolean }>;
    for (const environment of Object.keys(inventory.environments)) {
      const plan = planFor(inventory, environmentName.parse(environment));
      for (const { name } of plan.hosts) {
        const sources = webSourcesOf(name, plan);
        expect([name, hosts[name]?.public.length, hosts[name]?.cloudflareOnly]).toEqual([
          name,
          sources?.length === 0 ? 0 : 2,
          sources === undefined,
        ]);
      }
    }
  },
);

test("a service listens beyond loopback only when another host reaches it", () => {
  expect(lowered("builtins.mapAttrs (_: h: h.listen) registry.hosts")).toEqual({
    cloud: { auth: "127.0.0.1" },
    home: { grafana: "0.0.0.0", prometheus: "0.0.0.0", netdata: "0.0.0.0" },
    mirror: { greeting: "0.0.0.0", attic: "0.0.0.0" },
  });
});

test("modules run the inventory's services, under the module's name", () => {
  expect(lowered("registry.hosts.cloud.modules")).toEqual({ authelia: "auth" });
  expect(lowered("registry.hosts.mirror.modules")).toEqual({ attic: "attic" });
});

test("Prometheus scrapes every service with metrics and probes every public name, from its host", () => {
  expect(lowered("registry.hosts.home.scrapes")).toEqual([
    { job: "grafana", target: "127.0.0.1:3010", path: "/metrics", params: {} },
    { job: "greeting", target: "mirror.tail0000.ts.net:8000", path: "/m", params: {} },
    {
      job: "netdata",
      target: "127.0.0.1:19999",
      path: "/api/allmetrics",
      params: { format: ["prometheus"], source: ["average"] },
    },
  ]);
  expect(lowered("registry.hosts.home.probes")).toEqual([
    "https://auth.example.test/api/health",
    "https://grafana.example.test/",
    "https://greeting.staging.example.test/",
    "https://cache.staging.example.test/",
  ]);
  expect(lowered("registry.hosts.cloud.scrapes")).toEqual([]);
});

test("the monitor expects each existing host, name, certificate, dump and backup", () => {
  const laptop = `${small}
[hosts.laptop]
environment = "homelab"
profiles = ["workstation"]
tags = ["workstation"]
reachability = "best-effort"
provider = { kind = "existing", vendor = "x" }
`;
  expect(lowered("registry.expected", laptop)).toEqual({
    hosts: ["cloud", "home", "mirror"],
    probes: [
      "https://auth.example.test/api/health",
      "https://grafana.example.test/",
      "https://greeting.staging.example.test/",
      "https://cache.staging.example.test/",
    ],
    gateways: {
      cloud: ["auth.example.test", "grafana.example.test"],
      mirror: ["cache.staging.example.test", "greeting.staging.example.test"],
    },
    dumps: ["cloud", "home", "mirror"],
    backups: ["home"],
    replicas: [],
  });
});

test("every module that creates its own database is in the list of expected dumps", () => {
  const files = readdirSync("nix/modules/services", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".nix") && !file.startsWith("postgresql"))
    .map((file) => readFileSync(`nix/modules/services/${file}`, "utf8"));
  const modules = files
    .filter((text) => text.includes("services.postgresql.databases"))
    .map((text) => /options\.pantheros\.services\.(\w+) =/.exec(text)?.[1]);
  const named = /needsDatabase = service: elem service\.module \[(.*)\]/.exec(
    readFileSync("nix/lib/registry.nix", "utf8"),
  )?.[1];
  expect(modules.length).toBeGreaterThan(3);
  expect(named?.match(/\w+/g)).toEqual(modules.toSorted());
});

test("a host backs up its own directories and its services', each once", () => {
  expect(lowered("builtins.mapAttrs (_: h: h.backup) registry.hosts")).toEqual({
    cloud: [],
    home: ["/srv", "/var/lib/grafana"],
    mirror: [],
  });
});

test("services, names and buckets are found by their purpose", () => {
  expect(
    lowered(
      '[ (registry.locate "home" "prometheus") (registry.locate "cloud" "prometheus") (registry.locate "home" "loki") (registry.nameFor "authelia") (registry.bucket "staging" "cache") (registry.bucket "homelab" "cache") registry.endpoint ]',
    ),
  ).toEqual([
    "127.0.0.1:3020",
    "home.tail0000.ts.net:3020",
    null,
    "auth.example.test",
    "the-bucket",
    null,
    "https://s3.eu-central-003.backblazeb2.com",
  ]);
});

test("sign-on without a sign-on service is an error with the service's name", () => {
  const error = evaluationError(
    registry(small.replace('module = "authelia"\n', ""), "registry.hosts.cloud.virtualHosts"),
  );
  expect(error).toContain('services.grafana: auth = "sso", but no service has module = "authelia"');
});

test("the fleet's own services: every module exists, and every host's result evaluates", () => {
  const program = loadInventory("nix/fleet.toml");
  const modules = evaluate(
    'let r = import (nix + "/lib/registry.nix") ((import (nix + "/lib/fleet.nix")).fromFile (nix + "/fleet.toml")); in builtins.mapAttrs (_: h: builtins.attrNames h.modules) r.hosts',
  ) as Record<string, string[]>;
  expect(Object.keys(modules).toSorted()).toEqual(Object.keys(program.hosts).toSorted());
  const wanted = Object.values(program.services)
    .map(({ module }) => module)
    .filter((module) => module !== undefined && module !== "custom");
  expect(Object.values(modules).flat()).toEqual(expect.arrayContaining(wanted));
  const declared = readdirSync("nix/modules/services", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".nix"))
    .map((file) => readFileSync(`nix/modules/services/${file}`, "utf8"))
    .join("\n");
  for (const module of Object.values(modules).flat()) {
    expect(declared).toContain(`options.pantheros.services.${module} =`);
  }
});

test("Cloudflare's networks are the same as the program's", () => {
  expect(evaluate('import (nix + "/lib/cloudflare-ranges.nix")')).toEqual([...CLOUDFLARE_RANGES]);
});

describe("the configuration of Prometheus and Grafana", () => {
  interface Rule {
    alert?: string;
    record?: string;
    expr: string;
    annotations?: { summary: string; action: string };
  }

  test("every alert has a summary and an action, and each expected host its own alerts", () => {
    const groups = evaluate(
      'import (nix + "/modules/services/monitoring/rules.nix") { interval = 30; expected = { hosts = [ "a" "b" ]; dumps = []; backups = []; replicas = []; probes = []; gateways = {}; }; }',
    ) as { name: string; rules: Rule[] }[];
    const alerts = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined);
    expect(alerts.filter(({ alert }) => alert === "HostSilent").map(({ expr }) => expr)).toEqual([
      'absent(node_time_seconds{host="a"})',
      'absent(node_time_seconds{host="b"})',
    ]);
    for (const { annotations } of alerts) {
      expect(annotations?.summary).toMatch(/\S/);
      expect(annotations?.action).toMatch(/\S/);
    }
  });

  test("the dashboard of runs asks for what `tools/pantheros report` sends", () => {
    const { runs } = evaluate('import (nix + "/modules/services/monitoring/run-dashboards.nix")') as {
      runs: { panels: { datasource: { uid: string }; targets: { query: string }[] }[] };
    };
    const span = spanOf(
      { name: "deploy", outcome: "failure", started: 1, seconds: [], attribute: ["stack=production"] },
      2000,
    );
    for (const { datasource, targets } of runs.panels) {
      expect(datasource.uid).toBe("tempo");
      for (const { query } of targets) {
        const selected = [...query.matchAll(/span\.(\w+)/g)].map(([, name]) => name);
        expect(Object.keys(span.attributes)).toEqual(expect.arrayContaining(selected));
      }
    }
    expect(runs.panels.some(({ targets }) => targets[0]?.query.includes("status = error"))).toBe(true);
  });

  test("the overview has all measured figures of the architecture document", () => {
    const { overview } = evaluate(
      'import (nix + "/modules/services/monitoring/dashboards.nix") { cacheName = "cache.example.test"; }',
    ) as {
      overview: { panels: { title: string; gridPos: { x: number; y: number; w: number } }[] };
    };
    expect(overview.panels.map(({ title }) => title)).toEqual([
      "CPU",
      "Memory",
      "Disk I/O",
      "Network",
      "Cache hit rate, 24 hours",
      "Uptime of public names, 30 days",
      "Incidents, 30 days",
      "Mean time to recovery, 30 days",
      "Firing alerts",
    ]);
    const places = overview.panels.map(({ gridPos: { x, y } }) => `${x} ${y}`);
    expect(new Set(places).size).toBe(places.length);
    for (const { gridPos } of overview.panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });

  test("the metrics of alerts are written by the programs", () => {
    const written = ["postgresql/dump.sh", "postgresql/replica.sh", "backups/default.nix"]
      .map((file) => readFileSync(`nix/modules/services/${file}`, "utf8"))
      .join("\n");
    const rules = readFileSync("nix/modules/services/monitoring/rules.nix", "utf8");
    const metrics = [...rules.matchAll(/pantheros_(?:postgres|backup)\w+/g)].map(([name]) => name);
    expect(metrics.length).toBeGreaterThan(0);
    for (const metric of metrics) expect(written).toContain(metric);
  });
});
