import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { bootstrapKeys } from "../../../components/bootstrap-keys.ts";
import { deliveryProblem, problemLines } from "../../../components/fleet/deliveries.ts";
import { evaluationArgs } from "../../../components/fleet/evaluation.ts";
import { stackOutputs } from "../../../outputs/contract.ts";
import type { Settings } from "../../../settings/settings.ts";
import { status } from "../deployer/fixtures.ts";
import { hostKey, publicKeyOf, type Recording, record, resolved } from "../mocks.ts";
import { RSA } from "../ssh-keys.ts";
import { fleetOf, planOf, scratch, settings, store, text, world } from "./fleet-world.ts";

test("all resources are below the fleet, and the outputs match the contract", async () => {
  const { recording, result } = await record(
    () => fleetOf({ plan: planOf(text), settings: settings() }),
    world(),
  );
  expect(recording.ofType("hcloud:index/server:Server").map((each) => each.name)).toEqual([
    "db-server",
    "web-server",
  ]);
  const outputs = stackOutputs.parse(await resolved(result.outputs));
  expect(Object.keys(outputs.hosts)).toEqual(["db", "legacy", "web"]);
  expect(outputs.hosts["web"]).toMatchObject({
    outcome: "confirmed",
    closure: store("a", "web"),
    hostKey: publicKeyOf("web-host-key"),
  });
  expect(outputs.dns.records).toContainEqual({
    name: "hello.example.test",
    type: "CNAME",
    content: "web.example.test",
    proxied: true,
  });
  expect(outputs.services["hello"]?.url).toBe("https://hello.example.test");
  for (const each of recording.registrations) {
    if (each.type.startsWith("pulumi:") || each.name === "fleet") continue;
    expect([each.name, each.parent]).not.toEqual([each.name, ""]);
  }
});

/** The sandbox's fleet with a property of every object as the name of one entry of each table. */
const inherited = [
  ["hosts.web", "hosts.constructor"],
  ['host = "web"', 'host = "constructor"'],
  [
    '"fsn1", server_type = "cx23", image = "debian-13" }',
    '"fsn1", server_type = "cx23", image = "debian-13", placement_group = "constructor" }',
  ],
  ["services.metrics", "services.constructor"],
  ["port = 8080", 'port = 8080\ngroups = ["constructor"]'],
  ["buckets.cache", "buckets.constructor"],
  ["[tailnet.groups]", '[tailnet.groups]\nconstructor = ["user@example.test"]'],
  ["secrets.opnix-token", "secrets.constructor"],
].reduce((toml, [from = "", to = ""]) => toml.replaceAll(from, to), text);

test("the inventory's names may be those of properties that every object has", async () => {
  expect(inherited.match(/constructor/g)).toHaveLength(9);
  const { recording, result } = await record(
    () => fleetOf({ plan: planOf(inherited), settings: settings() }),
    world(),
  );
  const outputs = stackOutputs.parse(await resolved(result.outputs));
  expect(outputs.hosts["constructor"]).toMatchObject({
    outcome: "confirmed",
    closure: store("a", "constructor"),
    hostKey: publicKeyOf("constructor-host-key"),
  });
  expect(outputs.hosts["constructor"]).not.toHaveProperty("pinned");
  expect(outputs.services["constructor"]).toMatchObject({ host: "legacy" });
  expect(outputs.services["hello"]).toMatchObject({ host: "constructor" });
  expect(outputs.buckets["constructor"]).toMatchObject({ name: "sandbox-nix-cache" });
  expect(outputs.dns.records).toContainEqual(
    expect.objectContaining({ name: "constructor.example.test", type: "A" }),
  );
  const { stdin } = recording.named("constructor-install").inputs;
  expect(JSON.parse(String(stdin)).secrets).toMatchObject({
    constructor: "PLANTED constructor service account",
  });
  expect(recording.named("constructor-secret-constructor-delivery")).toBeDefined();
});

test("no secret is sent unencrypted or is in the outputs", async () => {
  const { recording, result } = await record(
    () => fleetOf({ plan: planOf(text), settings: settings() }),
    world(),
  );
  expect(recording.plainText()).not.toContain("PLANTED");
  expect(JSON.stringify(await resolved(result.outputs))).not.toContain("PLANTED");
  expect(recording.isSecret("web-server", "userData")).toBe(true);
});

test("a created host gets all its secrets with its installation, so that nothing waits for a delivery", async () => {
  const { recording } = await record(() => fleetOf({ plan: planOf(text), settings: settings() }), world());
  const { stdin } = recording.named("web-install").inputs;
  expect(recording.isSecret("web-install", "stdin")).toBe(true);
  expect(JSON.parse(String(stdin))).toMatchObject({
    secrets: {
      "opnix-token": "PLANTED web service account",
      "tailscale-auth-key": expect.stringContaining("PLANTED"),
      // Hetzner does not announce the address, so the machine gets it with its secrets.
      "uplink-address": "2001:db8:1:1::1/64\n",
    },
  });
});

test("a host that rolled back is reported so, and the verdict's command fails", async () => {
  const { recording, result } = await record(
    () => fleetOf({ plan: planOf(text), settings: settings() }),
    world({ db: "rolled-back" }),
  );
  const { hosts } = await resolved(result.outputs);
  expect(hosts["db"]).toMatchObject({
    outcome: "rolled-back",
    closure: store("o", "db"),
    reason: "a reason",
  });
  expect(hosts["web"]).toMatchObject({ outcome: "confirmed" });
  const verdict = recording.ofType("command:local:Command").find(({ name }) => name === "verdict");
  expect(verdict?.inputs["environment"]).toMatchObject({
    PANTHEROS_VERDICT: expect.stringMatching(/db: rolled-back/),
    PANTHEROS_VERDICT_EXIT: "1",
  });
});

test("builds of another store are signed for one host alone, unless the inventory trusts the builder", async () => {
  const built = text
    .replace("[hosts.web]", '[hosts.web]\nbuild = "target"\nbuild_key = "fleet-1-web:AAAA="')
    .replace("[hosts.legacy]", '[hosts.legacy]\nbuild = "db"')
    .replace("[deploy]", '[deploy]\ntrusted_builders = ["db"]');
  const { recording } = await record(() => fleetOf({ plan: planOf(built), settings: settings() }), world());
  const specOf = (host: string) => {
    const { environment } = recording.named(`${host}-deploy`).inputs;
    const json = (environment as Record<string, string>)["PANTHEROS_DEPLOY"] ?? "";
    expect(json.length).toBeLessThan(1024);
    return JSON.parse(json) as Record<string, unknown>;
  };
  expect(specOf("web")).toMatchObject({ build: "target", signer: "fleet-1-web:AAAA=" });
  expect(specOf("legacy")).toMatchObject({
    build: { host: "db", hostKey: publicKeyOf("db-host-key") },
    signer: "fleet",
  });
  expect(specOf("db")).not.toHaveProperty("signer");
});

test("a failure in an earlier wave holds the later one", async () => {
  const waves = text.replace("[hosts.web]", "[hosts.web]\nwave = 2");
  const { recording } = await record(
    () => fleetOf({ plan: planOf(waves), settings: settings() }),
    world({ db: "rolled-back" }),
  );
  const heldBy = (host: string) =>
    JSON.parse(
      (recording.named(`${host}-deploy`).inputs["environment"] as Record<string, string>)[
        "PANTHEROS_DEPLOY"
      ] ?? "",
    ).heldBy;
  expect(heldBy("web")).toEqual(["db (rolled-back)"]);
  expect(heldBy("legacy")).toEqual([]);
});

test("a host's secrets are delivered before its deploy", async () => {
  const { recording } = await record(() => fleetOf({ plan: planOf(text), settings: settings() }), world());
  const order = recording.registrations.map(({ name }) => name);
  for (const host of ["web", "db", "legacy"]) {
    expect(order.indexOf(`${host}-secret-opnix-token-delivery`)).toBeGreaterThan(-1);
    expect(order.indexOf(`${host}-secret-opnix-token-delivery`)).toBeLessThan(
      order.indexOf(`${host}-deploy`),
    );
  }
});

test("a preview of an empty account succeeds with everything unknown", async () => {
  const { recording } = await record(
    () => fleetOf({ plan: planOf(text), settings: settings() }),
    world({}, true),
  );
  expect(recording.ofType("hcloud:index/server:Server")).toHaveLength(2);
  expect(recording.named("web-deploy").inputs["triggers"]).toBeDefined();
});

test("with probing off no host is queried", async () => {
  const { recording } = await record(
    () => fleetOf({ plan: planOf(text), settings: settings({ probe: "off" }) }),
    world(),
  );
  expect(recording.hostCommands).toEqual([]);
  expect(recording.named("web-deploy").ignoreChanges).toContain("triggers[1]");
});

const renamed = text
  .replace("[hosts.db]", '[hosts.data]\nformerly = "db"')
  .replace("[[hosts.db.health]]", "[[hosts.data.health]]")
  .replace('host = "db"', 'host = "data"');

test("a renamed host keeps its resources, except DNS names and its tailnet key", async () => {
  const { recording } = await record(
    () => fleetOf({ plan: planOf(renamed), settings: settings() }),
    world({}, true),
  );
  const former = (name: string) => recording.named(name).aliases;
  // Each has its own alias: after a failed run, a resource is no longer found by its parent's former name.
  const own = recording.registrations.filter(({ name }) => name === "data" || name.startsWith("data-"));
  expect(own.length).toBeGreaterThan(12);
  for (const { name, aliases } of own) expect(aliases).toEqual([name.replace("data", "db")]);
  for (const part of ["server", "ipv4", "host-key", "deploy", "install", "secret-opnix-token-delivery"]) {
    expect(own.map(({ name }) => name)).toContain(`data-${part}`);
  }
  // Its tags name the host, so the key is replaced anyway.
  expect(former("tailnet-key-data")).toEqual([]);
  expect(
    recording.registrations.filter(({ name }) => name === "web-server").flatMap((r) => r.aliases),
  ).toEqual([]);
});

describe("a decommissioned host", () => {
  const retired = (word: string, more = "") =>
    text
      .replace("[hosts.db]", `[hosts.db]\ndecommission = "${word}"`)
      .replace("[environments.sandbox]", `[environments.sandbox]\n${more}`);
  /** A run with a state that has these servers. */
  const run = (toml: string, servers = ["db", "web"]) => {
    const state = Object.fromEntries(
      servers.map((host) => [
        `urn:pulumi:sandbox::pantheros::hcloud:index/server:Server::${host}-server`,
        { type: "hcloud:index/server:Server", outputs: {} },
      ]),
    );
    const answers = world();
    const functions = {
      ...answers.functions,
      "pulumi:pulumi:readStackResourceOutputs": () => ({ outputs: state }),
    };
    return record(() => fleetOf({ plan: planOf(toml), settings: settings() }), {
      ...answers,
      functions,
    });
  };

  test("whose server is deleted gets no new one", async () => {
    const { recording, result } = await run(retired("delete", "protect = true"), ["web"]);
    expect(recording.ofType("hcloud:index/server:Server").map(({ name }) => name)).toEqual(["web-server"]);
    expect((await resolved(result.outputs)).retired).toEqual({});
  });

  test("keep: only its server, addresses and keys stay, behind a closed firewall", async () => {
    const { recording, result } = await run(retired("keep"));
    const own = recording.registrations
      .filter(({ name, type }) => /(^|-)db(-|$|[.])/.test(name) && !type.startsWith("pantheros:"))
      .map(({ name }) => name);
    expect(own.sort()).toEqual(
      ["bootstrap-key", "firewall", "host-key", "ipv4", "ipv6", "server"].map((part) => `db-${part}`),
    );
    // One harmless rule, since the provider never sends an empty list.
    expect(recording.named("db-firewall").inputs["rules"]).toEqual([
      {
        direction: "in",
        protocol: "icmp",
        sourceIps: ["127.0.0.1/32"],
        description: "closed: admits nobody",
      },
    ]);
    const outputs = stackOutputs.parse(await resolved(result.outputs));
    expect(Object.keys(outputs.hosts)).toEqual(["legacy", "web"]);
    expect(Object.keys(outputs.services)).toEqual(["hello", "metrics"]);
    expect(outputs.retired?.["db"]).toMatchObject({ server: "kept" });
  });

  test("delete in a sandbox: none of its resources is left", async () => {
    const { recording, result } = await run(retired("delete"));
    expect(recording.registrations.filter(({ name }) => name.startsWith("db"))).toEqual([]);
    expect((await resolved(result.outputs)).retired).toEqual({});
  });

  test("delete in a protected environment: this run removes only its protection", async () => {
    const { recording, result } = await run(retired("delete", "protect = true"));
    for (const name of ["db-server", "db-ipv4", "db-ipv6"]) {
      expect(recording.named(name)).toMatchObject({ protect: false, retainOnDelete: false });
      expect(recording.named(name).inputs["deleteProtection"]).toBe(false);
    }
    expect(recording.named("db-host-key").protect).toBe(false);
    expect(recording.named("web-server")).toMatchObject({ protect: true, retainOnDelete: true });
    expect((await resolved(result.outputs)).retired).toMatchObject({ db: { server: "unprotected" } });
  });
});

test("pinned hosts are not evaluated, wait for no host, and hold changes in later waves", async () => {
  const waves = text.replace("[hosts.web]", "[hosts.web]\nwave = 2");
  const pins = { db: store("p", "db") };
  const args = { plan: planOf(waves), settings: { ...settings(), pins } };
  const { recording, result } = await record(() => fleetOf(args), world());
  const options = { preview: false, checkout: scratch };
  expect(evaluationArgs(args.plan, args.settings, options).hosts).toEqual(["legacy", "web"]);
  const heldBy = (host: string) =>
    JSON.parse(
      (recording.named(`${host}-deploy`).inputs["environment"] as Record<string, string>)[
        "PANTHEROS_DEPLOY"
      ] ?? "",
    ).heldBy;
  expect(heldBy("web")).toEqual(["db (pinned)"]);
  expect(heldBy("db")).toEqual([]);
  expect((await resolved(result.outputs)).hosts["db"]).toMatchObject({ pinned: store("p", "db") });
});

test("a host behind a jump host: pinned, in front of it in the run, and at its own address", async () => {
  const outside = `{ address = "203.0.113.5", port = 2222, host_key = "${RSA}" }`;
  const behind = text
    .replace("[hosts.legacy]", '[hosts.legacy]\nssh = { jump = "web" }')
    .replace("[hosts.web]", `[hosts.web]\nssh = { jump = ${outside} }`)
    .replace('address = "public"', "");
  const { recording } = await record(() => fleetOf({ plan: planOf(behind), settings: settings() }), world());
  const spec = (host: string) =>
    JSON.parse(
      (recording.named(`${host}-deploy`).inputs["environment"] as Record<string, string>)[
        "PANTHEROS_DEPLOY"
      ] ?? "",
    ) as Record<string, unknown>;
  const first = { host: "203.0.113.5", address: "203.0.113.5", port: 2222, user: "deploy", hostKey: RSA };
  const web = {
    host: "web",
    address: "203.0.113.8",
    port: 22,
    user: "deploy",
    hostKey: publicKeyOf("web-host-key"),
  };
  expect(spec("web")).toMatchObject({ jumps: [first] });
  expect(spec("legacy")).toMatchObject({
    address: "198.51.100.20",
    jumps: [first, { ...web, address: expect.any(String) }],
  });
  expect(spec("db")).not.toHaveProperty("jumps");
  const at = (name: string) => recording.registrations.findIndex((each) => each.name === name);
  expect(at("legacy-deploy")).toBeGreaterThan(at("web-deploy"));
});

test("an adopted machine's key may be in its table", async () => {
  const inTable = text.replace(
    'address = "198.51.100.20"',
    `address = "198.51.100.20", host_key = "${hostKey} note"`,
  );
  const unpinned: Settings = { ...settings(), knownHostsFile: join(scratch, "none") };
  const { result } = await record(() => fleetOf({ plan: planOf(inTable), settings: unpinned }), world());
  expect((await resolved(result.outputs)).hosts["legacy"]?.hostKey).toBe(hostKey);
});

test("known_hosts: a skipped line is a warning, and a machine without a key has the reason", async () => {
  const knownHostsFile = join(mkdtempSync(join(scratch, "pins-")), "known_hosts");
  const fleet = () => fleetOf({ plan: planOf(text), settings: { ...settings(), knownHostsFile } });
  const warn = jest.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
  try {
    writeFileSync(knownHostsFile, `legacy ssh-new AAAA\n@revoked * ${RSA}\nlegacy ${RSA}\n`);
    await expect(record(fleet, world())).rejects.toThrow(
      /^hosts\.legacy: no host key is pinned for \S+ in \S+ \(the key of \S+:3 is revoked by line 2; .*:1 is skipped/,
    );
    expect(warn).toHaveBeenCalledWith(expect.stringMatching(/known_hosts:1: skipped: not a public key line/));
  } finally {
    warn.mockRestore();
  }
});

test("vendors that the inventory does not mention are not touched", async () => {
  const alone = `schema = 1
[fleet]
domain = "example.test"
[environments.sandbox]
[deploy]
address = "public"
[hosts.legacy]
environment = "sandbox"
profiles = ["server"]
provider = { kind = "existing", vendor = "home", address = "198.51.100.20" }
`;
  const { recording } = await record(() => fleetOf({ plan: planOf(alone), settings: settings() }), world());
  const packages = new Set(recording.registrations.map(({ type }) => type.split(":")[0]));
  expect(packages).toEqual(new Set(["pantheros", "command"]));
});

describe("one machine is one host", () => {
  const copy = (provider: string) =>
    planOf(
      `${text}\n[hosts.copy]\nenvironment = "sandbox"\nprofiles = ["server"]\nprovider = { kind = "existing", vendor = "home", ${provider} }\n`,
    );
  const pins = (...lines: string[]): Settings => {
    const knownHostsFile = join(mkdtempSync(join(scratch, "pins-")), "known_hosts");
    writeFileSync(knownHostsFile, `${lines.join("\n")}\n`);
    return { ...settings(), knownHostsFile };
  };
  const oneMachine = status({ machineId: "a".repeat(32), bootId: "one-boot" });

  test("two adopted hosts with the same pinned key are refused before anything is created", async () => {
    const known = pins(`legacy ${hostKey} here`, `2001:db8::20 ${hostKey} there`);
    const plan = copy('address = "2001:db8::20"');
    await expect(record(() => fleetOf({ plan, settings: known }), world())).rejects.toThrow(
      /^hosts\.legacy: the host key pinned for 198\.51\.100\.20 in \S+ is also that of hosts\.copy; one machine is one host/,
    );
  });

  test("two hosts with the same address in the stack's configuration are refused", async () => {
    const known: Settings = { ...settings(), addresses: { copy: "198.51.100.20" } };
    const plan = copy(`host_key = "${publicKeyOf("copy")}"`);
    await expect(record(() => fleetOf({ plan, settings: known }), world())).rejects.toThrow(
      /^hosts\.legacy\.provider\.address: 198\.51\.100\.20 port 22 is also the address of hosts\.copy/,
    );
  });

  const reasons = ({ registrations }: Recording) =>
    Object.fromEntries(
      registrations
        .filter(({ name }) => name.endsWith("-deploy"))
        .map(({ name, inputs }) => {
          const { PANTHEROS_DEPLOY: spec = "{}" } = inputs["environment"] as Record<string, string>;
          return [name.replace("-deploy", ""), (JSON.parse(spec) as { refused?: string }).refused];
        }),
    );

  test("one machine with two keys is still one: neither host gets a deploy or a secret", async () => {
    const plan = copy(`address = "2001:db8::20", host_key = "${publicKeyOf("copy")}"`);
    const answers = { ...world(), hostAnswer: oneMachine };
    const { recording } = await record(() => fleetOf({ plan, settings: settings() }), answers);
    const { legacy, copy: second } = reasons(recording);
    expect(legacy).toMatch(/^its machine is also hosts\.copy: machine id a{32}; one machine is one host/);
    expect(second).toMatch(/^its machine is also hosts\.legacy: /);
    for (const host of ["legacy", "copy"]) {
      const { create } = recording.named(`${host}-secret-opnix-token-delivery`).inputs;
      expect(create).toMatch(/^cat >\/dev\/null; printf .*"outcome":"failed".*its machine is also hosts/);
    }
  });

  test("in a preview it is an error that names both", async () => {
    const plan = copy(`address = "2001:db8::20", host_key = "${publicKeyOf("copy")}"`);
    const errors = jest.spyOn(pulumi.log, "error").mockImplementation(() => Promise.resolve());
    await record(() => fleetOf({ plan, settings: settings() }), {
      ...world({}, true),
      hostAnswer: oneMachine,
    });
    expect(errors.mock.calls.map(([message]) => message)).toEqual([
      expect.stringMatching(/^nix\/fleet\.toml: hosts\.legacy: neither it nor hosts\.copy is deployed to: /),
    ]);
    errors.mockRestore();
    // For the engine's language host this code means "the errors are printed": the preview fails.
    expect(process.exitCode).toBe(32);
    process.exitCode = undefined;
  });

  test("a created server that is also adopted is refused; other hosts are deployed to", async () => {
    const known = pins(`legacy ${publicKeyOf("web-host-key")}`);
    const { recording } = await record(() => fleetOf({ plan: planOf(text), settings: known }), world());
    const { web, db } = reasons(recording);
    expect(web).toMatch(/^its machine is also hosts\.legacy: the same SSH host key/);
    expect(db).toBeUndefined();
  });
});

test("a machine without a pinned key is refused before anything is created", async () => {
  const unpinned: Settings = { ...settings(), knownHostsFile: join(scratch, "none") };
  await expect(record(() => fleetOf({ plan: planOf(text), settings: unpinned }), world())).rejects.toThrow(
    /hosts\.legacy: no host key is pinned/,
  );
});

test("new machines get the inventory's and the runner's keys, each once", () => {
  const plan = planOf(text.replace("[deploy]", `[deploy]\nauthorized_keys = ["${hostKey} the same key"]`));
  expect(Object.values(bootstrapKeys(plan, settings()))).toHaveLength(1);
});

test("an undelivered secret is a problem, except on a best-effort host", () => {
  const result = {
    schemaVersion: 1,
    host: "web",
    secret: "s",
    outcome: "offline",
    step: "secret",
    exitCode: 255,
    reason: "no answer",
  } as const;
  expect(deliveryProblem(result, "must")).toBe("secret s offline: no answer");
  expect(deliveryProblem(result, "best-effort")).toBeUndefined();
  expect(deliveryProblem({ ...result, outcome: "delivered" }, "must")).toBeUndefined();
});

test("a problem that several hosts share is one line", () => {
  const found = ["web", "db"].map((host) => ({ host, problem: "secret s offline: no answer" }));
  expect(problemLines([...found, { host: "web", problem: "secret t failed: full" }])).toEqual([
    "db, web: secret s offline: no answer",
    "web: secret t failed: full",
  ]);
});
