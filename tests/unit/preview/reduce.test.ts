/** preview.json from what the engine and the program report. */
import { previewDocument } from "../../../preview/document.ts";
import { type Digest, readDigest, readPolicyEvents } from "../../../preview/engine.ts";
import { type ReduceArgs, reducePreview, secretsOf } from "../../../preview/reduce.ts";
import { host } from "./documents.ts";

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const secret = (ciphertext: unknown) => ({ [SIGNATURE]: "1b47061264138c4ac30d75fd1eb44270", ciphertext });
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const urn = (type: string, name: string) => `urn:pulumi:s::pantheros::${type}::${name}`;

interface StepInput {
  readonly op?: string;
  readonly type?: string;
  readonly name?: string;
  readonly before?: object;
  readonly after?: object;
  readonly diff?: Record<string, string>;
  readonly protect?: boolean;
  readonly dependencies?: Record<string, string[]>;
}

/** A step as the CLI prints it, with fields that the reader must drop. */
const step = ({
  op = "update",
  type = "a:b/c:C",
  name = "one",
  before,
  after,
  diff,
  protect,
  dependencies,
}: StepInput) => ({
  op,
  urn: urn(type, name),
  provider: "x",
  ...(before && {
    oldState: { type, id: "1", protect, inputs: before, outputs: before, created: "2026-01-01" },
  }),
  ...(after && {
    newState: { type, inputs: after, propertyDependencies: dependencies, modified: "2026-01-01" },
  }),
  detailedDiff: Object.fromEntries(
    Object.entries(diff ?? {}).map(([path, kind]) => [path, { kind, inputDiff: true }]),
  ),
});

const digestOf = (steps: readonly object[], diagnostics: readonly object[] = []): Digest => {
  const read = readDigest(
    `warning of a wrapper\n${JSON.stringify({ config: { k: "v" }, steps, diagnostics, duration: 5 })}\n`,
  );
  if (read === undefined) throw new Error("not a digest");
  return read;
};

const reduce = (digest: Digest | undefined, more: Partial<ReduceArgs> = {}) => {
  const document = reducePreview({
    stack: "production",
    digest,
    program: {},
    exitCode: 0,
    stderr: "",
    secrets: [],
    ...more,
  });
  expect(() => previewDocument.parse(document)).not.toThrow();
  return document;
};

const fieldsOf = (input: StepInput) => reduce(digestOf([step(input)])).changes[0]?.fields;

describe("a field of a resource", () => {
  test("before and after, by path", () => {
    expect(
      fieldsOf({
        before: { rules: [{ port: "22" }], ttl: 60 },
        after: { rules: [{ port: "2222" }], ttl: 120 },
        diff: { "rules[0].port": "update", ttl: "update-replace" },
      }),
    ).toEqual([
      { path: "rules[0].port", kind: "update", before: "22", after: "2222" },
      { path: "ttl", kind: "update", replaces: true, before: "60", after: "120" },
    ]);
  });

  test("a secret is on neither side", () => {
    const before = { password: secret("[secret]"), list: [secret({ plain: "hunter-2000" })] };
    const text = JSON.stringify(
      reduce(
        digestOf([
          step({
            before,
            after: { password: secret("other-secret"), list: [] },
            diff: { password: "update", "list[0]": "delete" },
          }),
        ]),
      ),
    );
    expect(text).toContain('"before":"[secret]","after":"[secret]"');
    expect(text).not.toMatch(/hunter-2000|other-secret/);
  });

  test("the old plain value of a field that becomes secret is nowhere in the document", () => {
    const digest = digestOf(
      [
        step({
          before: { password: "was-plain-1" },
          after: { password: secret("[secret]") },
          diff: { password: "update" },
        }),
        // The value below a field that becomes secret as a whole.
        step({
          name: "two",
          before: { login: { user: "u", pass: "was-plain-2" } },
          after: { login: secret("[secret]") },
          diff: { "login.pass": "update" },
        }),
        // An output of the stack, in a step without a diff.
        step({
          op: "same",
          type: "pulumi:pulumi:Stack",
          name: "s",
          before: { token: "was-plain-3" },
          after: { token: secret("[secret]") },
        }),
        step({
          name: "three",
          before: { note: "a" },
          after: { note: "uses was-plain-1" },
          diff: { note: "update" },
        }),
      ],
      [{ severity: "warning", message: "warning: the token was-plain-3 is short" }],
    );
    const text = JSON.stringify(reduce(digest));
    expect(text).not.toMatch(/was-plain-/);
    expect(text).toContain("uses [secret]");
    expect(text).toContain("the token [secret] is short");
  });

  test("the value of a field that was secret and becomes plain is hidden too", () => {
    const text = JSON.stringify(
      reduce(
        digestOf([
          step({ before: { p: secret("[secret]") }, after: { p: "now-plain" }, diff: { p: "update" } }),
        ]),
      ),
    );
    expect(text).not.toContain("now-plain");
  });

  test("an unknown value names the resource after which it is known", () => {
    const server = urn("h:i/server:Server", "web-server");
    const digest = digestOf([
      step({ op: "create", type: "h:i/server:Server", name: "web-server", after: { name: "web" } }),
      step({
        op: "create",
        type: "c:i/record:Record",
        name: "zone-web",
        after: { content: UNKNOWN, name: "web" },
        dependencies: { content: [urn("x:y/z:Z", "old"), server], name: [] },
      }),
    ]);
    expect(reduce(digest).changes.find(({ name }) => name === "zone-web")?.fields).toEqual([
      { path: "content", kind: "add", knownAfter: "web-server" },
      { path: "name", kind: "add", after: "web" },
    ]);
  });

  test("of long values the part with the difference is shown", () => {
    const [field] =
      fieldsOf({
        before: { policy: `${"a".repeat(5000)}old` },
        after: { policy: `${"a".repeat(5000)}new` },
        diff: { policy: "update" },
      }) ?? [];
    expect(field?.before).toMatch(/^…a+old$/);
    expect(field?.after).toMatch(/^…a+new$/);
  });
});

test("a replacement is one change; commands of hosts, groups and providers are none", () => {
  const type = "h:index/server:Server";
  const before = { name: "web" };
  const steps = [
    step({ op: "create-replacement", type, name: "s", before, after: before, protect: true }),
    step({ op: "replace", type, name: "s", before, after: before, protect: true }),
    step({ op: "delete-replaced", type, name: "s", before }),
    step({
      op: "replace",
      type: "command:local:Command",
      name: "web-deploy",
      before: { a: 1 },
      after: { a: 2 },
      diff: { a: "update" },
    }),
    step({ op: "create", type: "pantheros:nixos:Host", name: "web", after: {} }),
    step({ op: "create", type: "pulumi:providers:aws", name: "p", after: {} }),
    step({ op: "same", type, name: "t", before, after: before }),
    step({
      op: "replace",
      type: "command:local:Command",
      name: "web-secret-x-delivery",
      before: { stdin: "a" },
      after: { stdin: "b" },
      diff: { stdin: "update" },
    }),
  ];
  const { changes, counts } = reduce(digestOf(steps));
  expect(changes).toEqual([
    { op: "replace", type: "command:Command", name: "web-secret-x-delivery" },
    { op: "replace", type: "h:Server", name: "s", protected: true },
  ]);
  expect(counts).toEqual({ replace: 2 });
});

test("the order of the engine's steps and messages does not matter", () => {
  const steps = ["c", "a", "b"].map((name) =>
    step({ name, before: { x: 1 }, after: { x: 2 }, diff: { x: "update" } }),
  );
  const diagnostics = ["z", "y", "z"].map((text) => ({ severity: "warning", message: `warning: ${text}` }));
  const one = reduce(digestOf(steps, diagnostics));
  expect(reduce(digestOf(steps.toReversed(), diagnostics.toReversed()))).toEqual(one);
  expect(one.warnings).toEqual(["y", "z"]);
});

test("of the event log only policy events are read, and of them only four fields", () => {
  const log = [
    { diagnosticEvent: { severity: "debug", message: 'the "policyEvent" has planted-secret' } },
    {
      policyEvent: {
        policyName: "no-public-ssh",
        enforcementLevel: "mandatory",
        message: "port 22 is open",
        resourceUrn: urn("t:t:T", "web-firewall"),
        color: "planted-secret",
      },
    },
    { policyEvent: { policyName: "labels", enforcementLevel: "advisory", message: "no label" } },
  ];
  const violations = readPolicyEvents(
    `${log.map((each) => JSON.stringify(each)).join("\n")}\nbroken "policyEvent"`,
  );
  expect(violations).toHaveLength(2);
  const known = { rule: "labels", level: "advisory" as const, key: "hosts.web", message: "no label" };
  const document = reduce(digestOf([]), { violations, program: { findings: [known] } });
  expect(document.findings).toEqual([
    { rule: "no-public-ssh", level: "mandatory", key: "web-firewall", message: "port 22 is open" },
    known,
  ]);
  expect(JSON.stringify([violations, document])).not.toContain("planted-secret");
});

test("secrets of the environment are removed from every text", () => {
  const env = {
    HCLOUD_TOKEN: "hcloud-planted",
    PULUMI_CONFIG_PASSPHRASE: "pass planted",
    HOME: "/root/long",
    AWS_ACCESS_KEY_ID: "not-a-secret",
    GITHUB_TOKEN: "short",
    KEY_TOKEN_FILE: "/run/some-file",
  };
  expect(secretsOf(env)).toEqual(["hcloud-planted", "pass planted"]);
  const document = reduce(digestOf([], [{ severity: "error", message: "error: 401 for hcloud-planted" }]), {
    exitCode: 1,
    secrets: secretsOf(env),
  });
  expect(document.errors).toEqual(["401 for [secret]"]);
});

test("a host whose machine is new is installed; one that the program explains keeps its words", () => {
  const command = (op: string, name: string) =>
    step({ op, type: "command:local:Command", name, before: { a: 1 }, after: { a: 2 } });
  const hosts = {
    web: host("web", { wave: 2, action: "not-probed" }),
    moved: host("moved", { wave: 2, action: "not-probed" }),
    db: host("db", { action: "reboot" }),
    adopted: host("adopted", { action: "deploy", drift: true, reason: "(drift)" }),
  };
  const steps = [
    ...[command("create", "web-deploy"), command("create", "web-install")],
    ...[
      command("replace", "moved-deploy"),
      command("replace", "db-deploy"),
      command("create", "adopted-deploy"),
    ],
  ];
  const document = reduce(digestOf(steps), { program: { hosts } });
  expect(document.hosts.map(({ host: name, action, drift }) => [name, action, drift ?? false])).toEqual([
    ["adopted", "deploy", false],
    ["db", "reboot", false],
    ["moved", "deploy", false],
    ["web", "install", false],
  ]);
});

test("a preview that fails without a digest has the CLI's last lines", () => {
  const stderr = "error: incorrect passphrase\n";
  expect(reduce(readDigest(""), { exitCode: 255, stderr })).toMatchObject({
    outcome: "failed",
    errors: ["error: incorrect passphrase"],
    changes: [],
  });
});
