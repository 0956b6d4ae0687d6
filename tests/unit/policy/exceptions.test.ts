import { RULE_NAMES } from "../../../inventory/policy.ts";
import { planFindings, refuseMandatory } from "../../../policy/plan-checks.ts";
import { CONTEXT, edited, FLEET, planOf } from "./fleet.ts";

const OPEN = edited(['hosts = ["web", "home"]', 'hosts = "all"']);

interface Exception {
  readonly rule?: string;
  readonly key?: string;
  readonly who?: string;
  readonly why?: string;
  readonly until?: string;
}

const exception = (name: string, given: Exception = {}): string => {
  const all = {
    rule: "separate-secrets",
    key: "secrets.mail.hosts",
    who: "the operations team",
    why: "one mail account until the move",
    until: "2026-06-30",
    ...given,
  };
  const lines = Object.entries(all).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return `\n[policy.exceptions.${name}]\n${lines.join("\n")}\n`;
};

const at = (text: string, time: string) => planFindings(planOf(text), CONTEXT, Date.parse(time));

test("an exception that counts is shown with who, why and until, and stops no run", () => {
  const found = at(OPEN + exception("mail"), "2026-06-01T00:00:00Z");
  expect(found).toEqual([
    {
      rule: "separate-secrets",
      level: "excepted",
      key: "secrets.mail.hosts",
      message:
        "hosts of production, staging receive the same secret mail; the operations team allows it until 2026-06-30: one mail account until the move",
      remedy: expect.any(String),
    },
  ]);
  expect(() => refuseMandatory(found, "fleet.toml")).not.toThrow();
});

test.each([
  ["the last second of its last day", "2026-06-30T23:59:59Z", ["excepted", "advisory"]],
  ["the second after it", "2026-07-01T00:00:00Z", ["mandatory"]],
  ["15 days before the end", "2026-06-16T00:00:00Z", ["excepted"]],
  ["14 days before the end", "2026-06-17T00:00:00Z", ["excepted", "advisory"]],
])("%s", (_, time, levels) => {
  expect(at(OPEN + exception("mail"), time).map(({ level }) => level)).toEqual(levels);
});

test("an exception that ended says so, and one that ends soon names its own key", () => {
  const [ended] = at(OPEN + exception("mail"), "2026-07-01T00:00:00Z");
  expect(ended?.message).toMatch(/; policy\.exceptions\.mail ended on 2026-06-30$/);
  const soon = at(OPEN + exception("mail"), "2026-06-30T00:00:00Z")[1];
  expect(soon).toMatchObject({
    key: "policy.exceptions.mail.until",
    message: "the exception for secrets.mail.hosts ends on 2026-06-30",
  });
});

test.each([
  ["of another rule", { rule: "narrow-grants" }],
  ["of another key", { key: "secrets.token.hosts" }],
  ["of the table around the key", { key: "secrets.mail" }],
])("an exception %s covers nothing", (_, given) => {
  expect(at(OPEN + exception("mail", given), "2026-06-01T00:00:00Z").map(({ level }) => level)).toEqual([
    "mandatory",
  ]);
});

test.each([
  [
    "an unknown rule",
    { rule: "separate-secret" },
    /policy\.exceptions\.mail\.rule: unknown rule "separate-secret"; did you mean "separate-secrets"\?/,
  ],
  [
    "a rule without exceptions",
    { rule: "pinned-host-keys", key: "hosts.home.provider.host_key" },
    /policy\.exceptions\.mail\.rule: the rule pinned-host-keys has no exceptions: remove the table/,
  ],
  [
    "an unknown host",
    { key: "hosts.webb.ssh.sources" },
    /policy\.exceptions\.mail\.key: no key of this inventory: unknown key "webb"; did you mean "web"\?/,
  ],
  [
    "an unknown field",
    { key: "secrets.mail.host" },
    /mail\.key: no key of this inventory: unknown key "host"; did you mean "hosts"\?/,
  ],
  ["an unknown table", { key: "secret.mail" }, /unknown key "secret"; did you mean "secrets"\?/],
  ["a record that is not there", { key: "dns.records[1].proxied" }, /no key of this inventory/],
  ["a property of every object", { key: "hosts.constructor" }, /no key of this inventory/],
  ["an empty reason", { why: " " }, /mail\.why: write a text/],
  ["nobody", { who: "" }, /mail\.who: write a text/],
  ["a day that is not in the calendar", { until: "2026-02-30" }, /mail\.until: not a day such as/],
  ["a time", { until: "2026-06-30T00:00:00Z" }, /mail\.until: not a day such as/],
])("the inventory refuses %s", (_, given, message) => {
  expect(() => planOf(FLEET + exception("mail", given))).toThrow(message);
});

test("the inventory refuses a second exception for one rule and key, and a key too many", () => {
  expect(() => planOf(FLEET + exception("mail") + exception("again"))).toThrow(
    /policy\.exceptions\.again: the same rule and key as policy\.exceptions\.mail: remove one/,
  );
  expect(() => planOf(`${FLEET}${exception("mail")}ticket = "1"\n`)).toThrow(
    /policy\.exceptions\.mail\.ticket: unknown key/,
  );
});

test.each([
  "environments.production.protect",
  "services.hello.auth_reason",
  "services.grafana.auth_reason",
  "hosts.home.provider.host_key",
  "hosts.web.ssh.sources",
  "hosts.web.provider.labels",
  "buckets.media.public_read",
  "dns.records[0].proxied",
  "tailnet.groups.admins",
  "policy.monthly_eur_max",
])("an exception may name %s", (key) => {
  for (const rule of RULE_NAMES.filter((name) => name !== "pinned-host-keys")) {
    expect(() => planOf(FLEET + exception("one", { key, rule }))).not.toThrow();
  }
});

test.each([
  ['shared_secrets = ["mails"]', /policy\.shared_secrets: unknown secret "mails"; did you mean "mail"\?/],
  ['production = ["live"]', /policy\.production: unknown environment "live"/],
  ['ssh_sources = ["198.51.100.7"]', /policy\.ssh_sources\[0\]: not a network in CIDR notation/],
  ["monthly_eur_max = 0", /policy\.monthly_eur_max: /],
  ['levels = { ssh = "advisory" }', /policy\.levels\.ssh: unknown key/],
  ['levels = { ssh-not-public = "warn" }', /must be "mandatory", "advisory", "disabled"/],
])("[policy] with %s is refused", (line, message) => {
  const text = FLEET.replace("monthly_eur_max = 50\n", "").replace("[policy]\n", `[policy]\n${line}\n`);
  expect(() => planOf(text)).toThrow(message);
});
