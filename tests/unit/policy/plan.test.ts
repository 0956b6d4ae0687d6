import { parseKnownHosts } from "../../../inventory/known-hosts.ts";
import { loadInventory } from "../../../inventory/load.ts";
import { planFor } from "../../../inventory/plan.ts";
import { RULE_NAMES, type RuleName } from "../../../inventory/policy.ts";
import { findingText } from "../../../policy/findings.ts";
import { planFindings, refuseMandatory } from "../../../policy/plan-checks.ts";
import type { PlanContext } from "../../../policy/plan-facts.ts";
import { CONTEXT, edited, FLEET, NOW, planOf } from "./fleet.ts";

const findings = (text: string, context: PlanContext = CONTEXT, environment = "production") =>
  planFindings(planOf(text, environment), context, NOW);

const SOURCES = 'sources = ["198.51.100.0/24", "2001:db8:1::/48", "10.0.0.0/8"]';
const PROTECT = "protect = true\n";

interface Case {
  readonly text: string;
  readonly context?: PlanContext;
  readonly environment?: string;
  readonly key: string;
  readonly message: RegExp;
}

/** Inventories that break one rule. Each rule has one at least. */
const BROKEN: Readonly<Record<RuleName, readonly Case[]>> = {
  "ssh-not-public": [
    {
      text: edited([SOURCES, 'sources = ["0.0.0.0/0"]']),
      key: "deploy.sources",
      message: /^0\.0\.0\.0\/0 may reach the sshd of home, web after the installation$/,
    },
    {
      text: edited([SOURCES, 'sources = ["0.0.0.0/1"]']),
      key: "deploy.sources",
      message: /^0\.0\.0\.0\/1 /,
    },
    { text: edited([SOURCES, 'sources = ["::/0"]']), key: "deploy.sources", message: /^::\/0 / },
    {
      text: edited([SOURCES, 'sources = ["203.0.112.0/23"]']),
      key: "deploy.sources",
      message: /^203\.0\.112\.0\/23 /,
    },
    {
      // Not all of it is local.
      text: edited([SOURCES, 'sources = ["10.0.0.0/7"]']),
      key: "deploy.sources",
      message: /^10\.0\.0\.0\/7 /,
    },
    {
      text: edited(["[hosts.home]\n", '[hosts.home]\nssh = { sources = ["0.0.0.0/0"] }\n']),
      key: "hosts.home.ssh.sources",
      message: /sshd of home /,
    },
    {
      // Deploys go over the tailnet, and a jump host is reached at its own address all the same.
      text: edited(
        ['address = "public"', 'address = "tailnet"'],
        ["[hosts.web]\n", '[hosts.web]\nssh = { jump = "home", sources = ["::/3"] }\n'],
      ),
      key: "hosts.web.ssh.sources",
      message: /sshd of web /,
    },
    {
      text: edited(["[policy]\n", '[policy]\nssh_sources = ["198.51.100.0/25", "2001:db8::/32"]\n']),
      key: "deploy.sources",
      message: /^198\.51\.100\.0\/24 /,
    },
  ],
  "protected-data": [
    {
      text: edited([PROTECT, ""]),
      key: "environments.production.protect",
      message: /^production is production, and nothing protects server web, bucket example-media$/,
    },
    {
      text: edited(
        ["[policy]\n", '[policy]\nproduction = ["staging"]\n'],
        ['required_labels = ["owner"]\n', ""],
      ),
      environment: "staging",
      key: "environments.staging.protect",
      message: /nothing protects server mirror$/,
    },
  ],
  "private-buckets": [
    {
      text: edited(['purpose = "media"\n', 'purpose = "media"\npublic_read = true\n']),
      key: "buckets.media.public_read",
      message: /^anybody may read the bucket example-media, which is for media$/,
    },
    {
      text: edited(["[policy]\n", "[policy]\npublic_purposes = []\n"]),
      key: "buckets.cache.public_read",
      message: /example-cache/,
    },
  ],
  "proxied-names": [
    {
      text: edited(["[policy]\n", '[policy]\nproxied_names = ["grafana", "www"]\n']),
      key: "services.hello.proxied",
      message: /^hello\.example\.test is proxied and not one of \[policy\] proxied_names$/,
    },
    {
      text: edited(["[policy]\n", '[policy]\nproxied_names = ["grafana", "hello.example.test"]\n']),
      key: "dns.records[0].proxied",
      message: /^www\.example\.test /,
    },
    {
      text: edited(["port = 3000\n", 'port = 3000\nprotocol = "tcp"\n']),
      key: "services.grafana.proxied",
      message: /serves no HTTP$/,
    },
  ],
  "narrow-grants": [
    {
      text: edited(['developers = ["developer@example.test"]', 'developers = ["autogroup:member"]']),
      key: "tailnet.groups.developers",
      message: /^autogroup:member stands for more/,
    },
    {
      text: edited(['admins = ["admin@example.test"]', 'admins = ["admin@example.test", "*@example.test"]']),
      key: "tailnet.groups.admins",
      message: /^\*@example\.test /,
    },
  ],
  "labels-and-tags": [
    {
      text: edited([', labels = { owner = "team" }', ""]),
      key: "hosts.web.provider.labels",
      message: /^server web lacks the label owner$/,
    },
    {
      text: edited(['owner = "team"', 'owner = ""']),
      key: "hosts.web.provider.labels",
      message: /lacks the label owner$/,
    },
    {
      text: edited(["[hosts.home]\n", "[hosts.home]\ntags = []\n"]),
      key: "hosts.home.tags",
      message: /^host home has no tag$/,
    },
  ],
  "separate-secrets": [
    {
      text: edited(['hosts = ["web", "home"]', 'hosts = ["web", "mirror"]']),
      key: "secrets.mail.hosts",
      message: /^hosts of production, staging receive the same secret mail$/,
    },
    {
      text: edited(['hosts = ["web", "home"]\n', ""]),
      key: "secrets.mail.hosts",
      message: /same secret mail$/,
    },
  ],
  "pinned-host-keys": [
    {
      text: FLEET,
      context: { ...CONTEXT, pins: parseKnownHosts("", "known_hosts") },
      key: "hosts.home.provider.host_key",
      message: /^no host key is pinned for home at 198\.51\.100\.20 in known_hosts$/,
    },
    {
      text: FLEET,
      context: { ...CONTEXT, pins: parseKnownHosts("home ssh-ed25519 AAAA\n", "known_hosts") },
      key: "hosts.home.provider.host_key",
      message: /\(known_hosts:1 is skipped: /,
    },
    {
      text: edited([
        "[hosts.web]\n",
        '[hosts.web]\nssh = { jump = { address = "gate.example.test" }, sources = ["10.0.0.1/32"] }\n',
      ]),
      key: "hosts.web.ssh.jump.host_key",
      message: /jump host gate\.example\.test/,
    },
  ],
  "reasons-for-no-auth": [
    {
      text: edited(['auth_reason = "a greeting"', 'auth_reason = "  "']),
      key: "services.hello.auth_reason",
      message: /^hello asks nobody who they are/,
    },
    {
      // Not a public service, so the inventory's own check does not ask for a reason.
      text: edited([
        'port = 8080\npublic = true\nauth = "none"\nauth_reason = "a greeting"',
        'port = 8080\nauth = "none"',
      ]),
      key: "services.hello.auth_reason",
      message: /no reason is written$/,
    },
  ],
  "cost-ceiling": [
    {
      text: FLEET,
      context: { ...CONTEXT, monthlyEur: 50.01 },
      key: "policy.monthly_eur_max",
      message: /^the stack would cost 50\.01 EUR a month, and the ceiling is 50\.00 EUR$/,
    },
  ],
};

test("a fleet that keeps the rules has no findings", () => {
  expect(findings(FLEET)).toEqual([]);
});

test("no rule lacks a case", () => {
  expect(Object.keys(BROKEN)).toEqual([...RULE_NAMES]);
});

describe.each(RULE_NAMES)("%s", (rule) => {
  test.each(BROKEN[rule])("%#: the finding names the key", ({ text, context, environment, key, message }) => {
    const found = findings(text, context, environment);
    expect(found).toEqual([
      { rule, level: "mandatory", key, message: expect.stringMatching(message), remedy: expect.any(String) },
    ]);
    expect(() => refuseMandatory(found, "nix/fleet.toml")).toThrow(
      new RegExp(`^nix/fleet\\.toml: ${key.replaceAll(/[[\].]/g, "\\$&")}: .* \\(policy ${rule}\\): `),
    );
  });

  test.each(["advisory", "disabled"])("at the level %s it does not stop a run", (level) => {
    // Its level is fixed (below).
    if (rule === "pinned-host-keys") return;
    const [{ text, context, environment } = { text: "" }] = BROKEN[rule];
    const found = findings(`${text}\n[policy.levels]\n${rule} = "${level}"\n`, context, environment);
    expect(found.map((one) => one.level)).toEqual(level === "advisory" ? ["advisory"] : []);
    expect(() => refuseMandatory(found, "nix/fleet.toml")).not.toThrow();
  });
});

test("the level of a rule that the program relies on can't be lowered", () => {
  expect(() => planOf(`${FLEET}\n[policy.levels]\npinned-host-keys = "advisory"\n`)).toThrow(
    /^fleet\.toml: policy\.levels\.pinned-host-keys: must be "mandatory"/,
  );
});

test("hosts that read the program's vault are found, should the inventory's own check not see them", () => {
  const plan = planOf(FLEET);
  const { production, ...others } = plan.inventory.environments;
  if (production === undefined) throw new Error("the fleet has no production");
  const environments = { ...others, production: { ...production, vault: "Fleet" } };
  const found = planFindings({ ...plan, inventory: { ...plan.inventory, environments } }, CONTEXT, NOW);
  expect(found.map(({ rule, key }) => `${rule} ${key}`)).toEqual([
    "separate-secrets environments.production.vault",
  ]);
});

test("what [policy] allows is no finding", () => {
  const allowed = edited(
    [SOURCES, 'sources = ["203.0.113.0/20"]'],
    ['purpose = "media"\n', 'purpose = "media"\npublic_read = true\n'],
    ['hosts = ["web", "home"]', 'hosts = "all"'],
    [
      "[policy]\n",
      '[policy]\nssh_sources = ["203.0.112.0/20"]\npublic_purposes = ["cache", "media"]\nshared_secrets = ["mail"]\nproxied_names = ["grafana", "hello", "www"]\n',
    ],
  );
  expect(findings(allowed)).toEqual([]);
});

test("networks of a host that deploys reach over the tailnet are closed after the installation", () => {
  const text = edited(
    ['address = "public"', 'address = "tailnet"'],
    [SOURCES, 'sources = ["0.0.0.0/0"]'],
    ['[hosts.home]\nenvironment = "production"', '[hosts.home]\nenvironment = "staging"'],
    ['hosts = ["web", "home"]', 'hosts = ["web"]'],
    ['required_labels = ["owner"]\n', ""],
  );
  expect(findings(text)).toEqual([]);
  // An adopted machine has its own firewall only, which stays open.
  expect(findings(text, CONTEXT, "staging").map(({ message }) => message)).toEqual([
    "0.0.0.0/0 may reach the sshd of home after the installation",
  ]);
});

test.each([
  ["nix/fleet.toml", ["production", "staging", "homelab"]],
  ["sandbox/nix/fleet.toml", ["sandbox"]],
])("%s keeps the rules, apart from pins that its owner adds", (file, environments) => {
  const inventory = loadInventory(file);
  for (const environment of environments) {
    const plan = planFor(inventory, environment);
    const context = { pins: parseKnownHosts("", "known_hosts"), addresses: {} };
    const found = planFindings(plan, context, NOW).filter(({ rule }) => rule !== "pinned-host-keys");
    expect(found.map(findingText)).toEqual([]);
  }
});
