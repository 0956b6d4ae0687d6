import type { ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { RULE_NAMES, type RuleName } from "../../../inventory/policy.ts";
import { known } from "../../../policy/pack/known.ts";
import { policiesFor } from "../../../policy/pack/policies.ts";
import { policy } from "../../../providers/hetzner/policy.ts";
import { edited, FLEET, NOW, planOf } from "./fleet.ts";

interface Given {
  readonly type: string;
  readonly name?: string;
  readonly props: object;
  readonly protect?: boolean;
  readonly dependencies?: readonly { readonly urn: string }[];
}

const resource = ({ type, name = "one", props, protect = true, dependencies = [] }: Given) => ({
  type,
  name,
  props,
  urn: `urn:pulumi:production::pantheros::${type}::${name}`,
  opts: { protect },
  dependencies,
});

const policies = (text: string) =>
  policiesFor(planOf(text), { file: "nix/fleet.toml", machines: policy, now: () => NOW });

/** Violations of one resource: `RULE MESSAGE`. */
function violations(given: Given, text = FLEET): string[] {
  const found: string[] = [];
  for (const policy of policies(text) as ResourceValidationPolicy[]) {
    if (typeof policy.validateResource !== "function" || policy.enforcementLevel === "disabled") continue;
    const args = resource(given) as unknown as Parameters<typeof policy.validateResource>[0];
    policy.validateResource(args, (message) => found.push(`${policy.name} ${message}`));
  }
  return found;
}

function stackViolations(resources: readonly Given[]): string[] {
  const found: string[] = [];
  for (const policy of policies(FLEET) as StackValidationPolicy[]) {
    if (typeof policy.validateStack !== "function") continue;
    const args = { resources: resources.map(resource) } as unknown as Parameters<
      typeof policy.validateStack
    >[0];
    policy.validateStack(args, (message: string) => found.push(`${policy.name} ${message}`));
  }
  return found;
}

const LABELS = { "managed-by": "pantheros", stack: "production", host: "web", owner: "team" };
const SERVER = {
  type: "hcloud:index/server:Server",
  name: "web-server",
  props: { deleteProtection: true, labels: LABELS },
};
const rule = (port: string, ...sourceIps: readonly string[]) => ({
  direction: "in",
  protocol: "tcp",
  port,
  sourceIps,
});
const firewall = (rules: readonly object[], labels: object = LABELS): Given => ({
  type: "hcloud:index/firewall:Firewall",
  name: "web-firewall",
  props: { labels, rules },
});
const bucket = (acl: string, name = "example-media"): Given => ({
  type: "aws:s3/bucket:Bucket",
  name: "buckets-media",
  props: { bucket: name, acl },
});
const record = (props: object): Given => ({
  type: "cloudflare:index/dnsRecord:DnsRecord",
  props: { type: "CNAME", proxied: true, ...props },
});
const acl = (policy: object | string): Given => ({
  type: "tailscale:index/acl:Acl",
  props: { acl: typeof policy === "string" ? policy : JSON.stringify(policy) },
});
const ADMINS = { src: ["group:admins"], dst: ["*"], ip: ["*"] };
const GROUPS = { "group:admins": ["admin@example.test"], "group:developers": ["developer@example.test"] };
const key = (...tags: readonly string[]): Given => ({
  type: "tailscale:index/tailnetKey:TailnetKey",
  name: "tailnet-key-web",
  props: { tags },
});
const item = (vault: string): Given => ({
  type: "onepassword:index/item:Item",
  props: { vault, title: "tailnet key web" },
});
const command = (create: string): Given => ({ type: "command:local:Command", props: { create } });

type Cases = {
  readonly kept: readonly Given[];
  readonly broken: readonly (readonly [Given, string, string?])[];
};

const CASES: Readonly<Record<Exclude<RuleName, "cost-ceiling">, Cases>> = {
  "ssh-not-public": {
    kept: [
      firewall([rule("22", "198.51.100.7/32"), rule("443", "0.0.0.0/0"), rule("22", "10.0.0.0/8")]),
      firewall([{ direction: "out", protocol: "tcp", port: "22", sourceIps: ["0.0.0.0/0"] }]),
    ],
    broken: [
      [firewall([rule("22", "0.0.0.0/0")]), "hosts.web.ssh.sources: 0.0.0.0/0 may reach the sshd of web"],
      [firewall([rule("1-1024", "::/0")]), "hosts.web.ssh.sources: ::/0 "],
      [firewall([rule("any", "0.0.0.0/1")]), "hosts.web.ssh.sources: 0.0.0.0/1 "],
      [
        firewall([rule("22", "0.0.0.0/0")], { "managed-by": "pantheros", stack: "production" }),
        "resource web-firewall: 0.0.0.0/0 ",
      ],
      [
        firewall([rule("2222", "0.0.0.0/0")]),
        "hosts.web.ssh.sources: 0.0.0.0/0 ",
        edited(["[hosts.web]\n", "[hosts.web]\nssh = { port = 2222 }\n"]),
      ],
    ],
  },
  "protected-data": {
    kept: [SERVER, bucket("private"), { ...bucket("public-read", "example-cache"), protect: false }],
    broken: [
      [{ ...SERVER, protect: false }, "environments.production.protect: "],
      [{ ...SERVER, props: { labels: LABELS } }, "nothing protects server web-server"],
      [{ ...bucket("private"), protect: false }, "nothing protects bucket example-media"],
    ],
  },
  "private-buckets": {
    kept: [bucket("private"), bucket("public-read", "example-cache")],
    broken: [
      [bucket("public-read"), "buckets.media.public_read: anybody may read the bucket example-media"],
      [
        bucket("public-read-write", "elsewhere"),
        "resource buckets-media: anybody may read the bucket elsewhere",
      ],
    ],
  },
  "proxied-names": {
    kept: [
      record({ name: "grafana.example.test" }),
      record({ name: "cache.example.test", proxied: false }),
      record({ name: "www", type: "TXT", proxied: false }),
    ],
    broken: [
      [record({ name: "cache.example.test" }), "cache.example.test, the binary cache, is proxied"],
      [
        record({ name: "hello.example.test" }),
        "services.hello.proxied: hello.example.test is proxied and not one of",
        edited(["[policy]\n", '[policy]\nproxied_names = ["grafana"]\n']),
      ],
      [record({ name: "mail", type: "MX" }), "mail.example.test is proxied and serves no HTTP"],
    ],
  },
  "narrow-grants": {
    kept: [
      acl({ groups: GROUPS, grants: [ADMINS, { src: ["tag:ci"], dst: ["tag:server"], ip: ["tcp:22"] }] }),
      acl({
        groups: GROUPS,
        acls: [{ action: "accept", src: ["group:developers"], dst: ["tag:server:22"] }],
      }),
    ],
    broken: [
      [acl({ grants: [{ src: ["*"], dst: ["tag:server"], ip: ["tcp:22"] }] }), "* stands for more"],
      [acl({ grants: [{ src: ["tag:ci"], dst: ["*"], ip: ["tcp:22"] }] }), "tag:ci may reach every device"],
      [
        acl({ groups: GROUPS, grants: [{ src: ["group:developers"], dst: ["tag:server"], ip: ["*"] }] }),
        "tailnet.groups.developers: developer@example.test may reach every port",
      ],
      [
        acl({ acls: [{ action: "accept", src: ["*"], dst: ["*:*"] }] }),
        "may reach every device and every port",
      ],
      [
        acl({ groups: { ...GROUPS, "group:admins": ["autogroup:member"] }, grants: [ADMINS] }),
        "tailnet.groups.admins: autogroup:member stands for more",
      ],
      [
        acl({ ssh: [{ action: "accept", src: ["autogroup:member"], dst: ["tag:server"] }] }),
        "autogroup:member",
      ],
      [acl("// not JSON"), "a policy that is not JSON may reach every device"],
    ],
  },
  "labels-and-tags": {
    kept: [SERVER, key("tag:server"), firewall([])],
    broken: [
      [
        { ...SERVER, props: { ...SERVER.props, labels: { ...LABELS, owner: "" } } },
        "hosts.web.provider.labels: server web-server lacks the label owner",
      ],
      [firewall([], { host: "web" }), "lacks the labels managed-by, stack"],
      [key(), "hosts.web.tags: tailnet key tailnet-key-web has no tag"],
    ],
  },
  "separate-secrets": {
    kept: [item("fleet"), item("abcdefghijklmnopqrstuvwxyz")],
    broken: [[item("Fleet-production"), "environments.production.vault: hosts read the vault"]],
  },
  "pinned-host-keys": {
    kept: [
      command("ssh -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/tmp/known host"),
      { type: "command:remote:Command", props: { connection: { host: "web", hostKey: "ssh-ed25519 AAAA" } } },
    ],
    broken: [
      [command("ssh -o StrictHostKeyChecking=no host"), "no host key is pinned for the command one"],
      [command("ssh -oStrictHostKeyChecking=accept-new host"), "the command one"],
      [command('ssh -o "UserKnownHostsFile /dev/null" host'), "the command one"],
      [{ type: "command:remote:Command", props: { connection: { host: "web" } } }, "the command one"],
    ],
  },
  "reasons-for-no-auth": {
    kept: [record({ name: "hello.example.test" })],
    broken: [
      [
        record({ name: "hello.example.test" }),
        "services.hello.auth_reason: hello asks nobody",
        edited(['auth_reason = "a greeting"', 'auth_reason = " "']),
      ],
    ],
  },
};

describe.each(Object.entries(CASES))("%s", (name, { kept, broken }) => {
  test.each(kept)("%#: a resource that keeps the rule", (given) => {
    expect(violations(given)).toEqual([]);
  });

  const rows = broken.map(([given, message, text = FLEET]) => ({ given, message, text }));
  test.each(rows)("%#: a resource that breaks the rule", ({ given, message, text }) => {
    const found = violations(given, text);
    expect(found.length).toBeGreaterThan(0);
    for (const one of found) {
      expect(one.startsWith(`${name} nix/fleet.toml: `)).toBe(true);
      expect(one).toContain(`(policy ${name}): `);
    }
    expect(found.join("\n")).toContain(message);
  });
});

const MEDIA = bucket("private");
const MEDIA_URN = resource(MEDIA).urn;
const ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";

test.each<[string, readonly Given[], readonly string[]]>([
  [
    "an encryption of its own",
    [MEDIA, { type: ENCRYPTION, props: {}, dependencies: [{ urn: MEDIA_URN }] }],
    [],
  ],
  [
    "an encryption in its inputs",
    [{ ...MEDIA, props: { ...MEDIA.props, serverSideEncryptionConfiguration: { rule: {} } } }],
    [],
  ],
  [
    "an encryption of another bucket",
    [MEDIA, { type: ENCRYPTION, props: {}, dependencies: [{ urn: "urn:other" }] }],
    [
      "private-buckets-encryption nix/fleet.toml: buckets.media: the bucket example-media is not encrypted (policy private-buckets): give it an encryption with AES256",
    ],
  ],
])("a bucket with %s", (_, resources, expected) => {
  expect(stackViolations(resources)).toEqual(expected);
});

test("policies have the levels of the inventory", () => {
  const levels = policies(
    `${FLEET}\n[policy.levels]\nnarrow-grants = "advisory"\nproxied-names = "disabled"\n`,
  ).map(({ name, enforcementLevel }) => [name, enforcementLevel]);
  expect(Object.fromEntries(levels)).toEqual({
    ...Object.fromEntries(
      RULE_NAMES.filter((name) => name !== "cost-ceiling").map((name) => [name, "mandatory"]),
    ),
    "private-buckets-encryption": "mandatory",
    "narrow-grants": "advisory",
    "proxied-names": "disabled",
  });
});

const exception = (day: string): string => `${FLEET}
[policy.exceptions.open]
rule = "ssh-not-public"
key = "hosts.web.ssh.sources"
who = "the operations team"
why = "the move"
until = "${day}"
`;
const OPEN = firewall([rule("22", "0.0.0.0/0")]);

test("an exception counts in the pack until it ends, and not for what the inventory does not describe", () => {
  expect(violations(OPEN, exception("2026-06-15"))).toEqual([]);
  expect(violations(OPEN, exception("2026-06-14"))).toHaveLength(1);
  const foreign = firewall([rule("22", "0.0.0.0/0")], { "managed-by": "me", stack: "production" });
  expect(violations(foreign, exception("2026-06-15"))).toHaveLength(1);
});

test("values that a preview does not know yet hide no other value", () => {
  const unknown = new Proxy(
    {},
    {
      get: () => {
        throw new Error("string value at .name can't be known during preview");
      },
      ownKeys: () => ["name"],
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    },
  );
  expect(known({ rules: [rule("22", "0.0.0.0/0"), unknown], unknown })).toEqual({
    rules: [rule("22", "0.0.0.0/0"), { name: undefined }],
    unknown: { name: undefined },
  });
  expect(violations(firewall([rule("22", "0.0.0.0/0"), unknown]))).toHaveLength(1);
});
