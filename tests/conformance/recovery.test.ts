import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Hono } from "hono";
import { listen } from "../../sandbox/vendors/http.ts";
import { seedVault } from "../../sandbox/vendors/onepassword/seed.ts";
import { Vendors } from "./vendors.ts";

// The real engine creates a stack at the emulated vendors: a server with its address and firewall, a
// key, records, a tailnet key and 1Password items. A killed run is simulated by turning resources of
// the state into pending creations. After the recovery the program must show no difference, and the
// vendors' objects must be the same.

const root = process.cwd();
const PROGRAM = `
import * as pulumi from "@pulumi/pulumi";
import * as cloudflare from "@pulumi/cloudflare";
import * as hcloud from "@pulumi/hcloud";
import * as tailscale from "@pulumi/tailscale";
import * as onepassword from "@1password/pulumi-onepassword";
const labels = { "managed-by": "pantheros", stack: "dev" };
const key = new hcloud.SshKey("key", { name: "dev-key", publicKey: "ssh-ed25519 ${"AAAAC3NzaC1lZDI1NTE5AAAAI"}${"A".repeat(43)}", labels });
const ignoreChanges = ["image", "userData", "sshKeys"];
const address = new hcloud.PrimaryIp("address", { name: "web-ipv4", type: "ipv4", location: "fsn1", autoDelete: false, labels });
const firewall = new hcloud.Firewall("firewall", { name: "web", rules: [{ direction: "in", protocol: "tcp", port: "22", sourceIps: ["198.51.100.0/24"] }], labels });
const publicNets = [{ ipv4Enabled: true, ipv4: address.id.apply(Number), ipv6Enabled: false }];
const server = new hcloud.Server("server", { name: "web", serverType: "cx23", image: "debian-13", location: "fsn1", sshKeys: [key.id], userData: pulumi.secret("#cloud-config"), labels, publicNets, firewallIds: [firewall.id.apply(Number)] }, { ignoreChanges });
new hcloud.Server("spare", { name: "spare", serverType: "cx23", image: "debian-13", location: "fsn1", sshKeys: [key.id], labels }, { ignoreChanges });
const zone = cloudflare.getZoneOutput({ filter: { name: "example.test" } });
new cloudflare.DnsRecord("record", { zoneId: zone.zoneId, name: "web.example.test", type: "A", ttl: 300, content: server.ipv4Address });
new cloudflare.DnsRecord("caa", { zoneId: zone.zoneId, name: "example.test", type: "CAA", ttl: 300, data: { flags: 0, tag: "issue", value: "letsencrypt.org" } });
new cloudflare.DnsRecord("alias", { zoneId: zone.zoneId, name: "www.example.test", type: "CNAME", ttl: 300, content: "web.example.test" });
const vault = onepassword.getVaultOutput({ name: "sandbox" }).uuid;
const first = new onepassword.Item("first", { vault, title: "first", category: "password", password: "one", tags: ["pantheros", "dev"] });
new onepassword.Item("second", { vault, title: "second", category: "password", password: "two", tags: ["pantheros", "dev"] }, { dependsOn: [first] });
new tailscale.TailnetKey("join", { description: "join web", preauthorized: true, reusable: false, expiry: 3600 });
`;

let vendors: Vendors;
let scratch = "";
let env: NodeJS.ProcessEnv;
/** The proxy of the emulated Hetzner refuses requests whose "METHOD PATH" matches. */
let refused: RegExp | undefined;
const requests: string[] = [];
let proxy: { url: string; close: () => Promise<void> };

/** A proxy of the emulated Hetzner, which answers 403 to refused requests. */
function hetznerFront(target: () => string): Hono {
  const app = new Hono();
  app.all("*", async (context) => {
    const { pathname, search } = new URL(context.req.url);
    const line = `${context.req.method} ${pathname.replace("/v1", "")}`;
    requests.push(line);
    if (refused?.test(line) === true) {
      return context.json(
        { error: { code: "forbidden", message: "refused by the test", details: null } },
        403,
      );
    }
    const body = await context.req.text();
    const { authorization = "", "content-type": type = "" } = context.req.header();
    return fetch(`${target()}${pathname}${search}`, {
      method: context.req.method,
      headers: { authorization, "content-type": type },
      ...(body !== "" && { body }),
    });
  });
  return app;
}

interface Done {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}
/** Asynchronous, since the proxy answers in this process. */
const tool = (argv: readonly string[]): Promise<Done> =>
  new Promise((resolve) => {
    const options = { cwd: scratch, env, timeout: 180_000, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(path.join(root, "tools/with"), argv, options, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : (child.exitCode ?? -1), stdout, stderr }),
    );
  });
const pulumi = (...args: string[]) => tool(["pulumi", ...args, "--non-interactive", "--color", "never"]);
async function expectDone(done: Promise<Done>): Promise<Done> {
  const result = await done;
  if (result.status !== 0) throw new Error(`exit code ${result.status}\n${result.stdout}\n${result.stderr}`);
  return result;
}

interface State {
  deployment: {
    resources: {
      urn: string;
      type: string;
      id?: string;
      inputs?: Record<string, unknown>;
      outputs?: Record<string, unknown>;
      initErrors?: string[];
    }[];
    pending_operations?: unknown[];
  };
}
async function exported(): Promise<State> {
  await expectDone(pulumi("stack", "export", "--file", "state.json"));
  return JSON.parse(readFileSync(path.join(scratch, "state.json"), "utf8")) as State;
}

/**
 * Writes the state as it is after a kill during the creation of these resources. (`stack import` would
 * drop them.)
 */
function forget(...names: string[]): void {
  const file = path.join(scratch, "state/.pulumi/stacks/recovery/dev.json");
  const content = JSON.parse(readFileSync(file, "utf8")) as { checkpoint: { latest: State["deployment"] } };
  const { latest } = content.checkpoint;
  const isLost = ({ urn }: { urn: string }) => names.includes(urn.split("::").at(-1) ?? "");
  const lost = latest.resources.filter(isLost);
  expect(lost).toHaveLength(names.length);
  latest.resources = latest.resources.filter((resource) => !isLost(resource));
  latest.pending_operations = lost.map(({ id: _id, outputs: _outputs, ...resource }) => ({
    resource,
    type: "creating",
  }));
  writeFileSync(file, JSON.stringify(content));
}
const recover = () => tool(["node", path.join(root, "tools/recovery/main.ts"), "--stack", "dev"]);

beforeAll(async () => {
  vendors = await Vendors.start("hetzner,cloudflare,tailscale");
  proxy = await listen(
    hetznerFront(() => vendors.url("hetzner")),
    "127.0.0.1",
    0,
  );
  scratch = mkdtempSync(path.join(tmpdir(), "pantheros-recovery-"));
  mkdirSync(path.join(scratch, "state"));
  symlinkSync(path.join(root, "node_modules"), path.join(scratch, "node_modules"));
  const file = (name: string, content: string) => writeFileSync(path.join(scratch, name), content);
  file("package.json", '{"name":"recovery","type":"module"}');
  file("index.ts", PROGRAM);
  file(
    "Pulumi.yaml",
    "name: recovery\nmain: index.ts\nruntime: {name: nodejs, options: {typescript: false}}\n",
  );
  file(
    "Pulumi.dev.yaml",
    [
      "config:",
      `  hcloud:endpoint: ${proxy.url}/v1`,
      `  cloudflare:baseUrl: ${vendors.url("cloudflare")}/client/v4`,
      `  tailscale:baseUrl: ${vendors.url("tailscale")}`,
      "",
    ].join("\n"),
  );
  env = {
    ...process.env,
    PANTHEROS_PULUMI: "registry",
    PULUMI_BACKEND_URL: `file://${scratch}/state`,
    PULUMI_CONFIG_PASSPHRASE: "test",
    HCLOUD_TOKEN: vendors.secret("HCLOUD_TOKEN"),
    CLOUDFLARE_API_TOKEN: vendors.secret("CLOUDFLARE_API_TOKEN"),
    TAILSCALE_API_KEY: vendors.secret("TAILSCALE_API_KEY"),
    TAILSCALE_TAILNET: "-",
    PANTHEROS_VAULT: path.join(scratch, "vault.json"),
    PANTHEROS_NODE: process.execPath,
    OP_CLI_PATH: path.join(root, "sandbox/vendors/onepassword/op"),
    OP_SERVICE_ACCOUNT_TOKEN: "ops_recovery",
  };
  seedVault(path.join(scratch, "vault.json"), "ops_recovery", ["sandbox"], []);
  await expectDone(pulumi("stack", "init", "dev"));
  await expectDone(pulumi("up", "--yes", "--skip-preview", "--stack", "dev"));
  // Reads the changes to earlier objects that later ones caused: the address has a server.
  await expectDone(pulumi("refresh", "--yes", "--skip-preview", "--stack", "dev"));
}, 240_000);

afterAll(async () => {
  await proxy?.close();
  await vendors?.stop();
  rmSync(scratch, { recursive: true, force: true });
}, 60_000);

jest.setTimeout(240_000);

test("without pending creations recovery changes nothing", async () => {
  const before = await exported();
  await expectDone(recover());
  expect((await exported()).deployment.resources).toEqual(before.deployment.resources);
});

const ids = (state: State) => Object.fromEntries(state.deployment.resources.map(({ urn, id }) => [urn, id]));
/**
 * Without empty values and the plugins' own entries: plugins write `false`, `null` or nothing for the
 * same.
 */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key, part]) => !key.startsWith("__") && Boolean(part));
  return Object.fromEntries(entries.map(([key, part]) => [key, plain(part)]));
}
/**
 * Outputs by URN, without secrets, which are encrypted anew each time, and user data, of which a plugin
 * may store the hash.
 */
const outputs = (state: State) =>
  Object.fromEntries(
    state.deployment.resources.map(({ urn, outputs: { userData: _, ...found } = {} }) => [
      urn,
      plain(
        Object.fromEntries(
          Object.entries(found).filter(([, value]) => !JSON.stringify(value).includes('"ciphertext"')),
        ),
      ),
    ]),
  );

test("objects of every type are adopted, and the next run changes nothing at the vendors", async () => {
  const before = await exported();
  forget("server", "address", "firewall", "record", "caa", "alias", "key", "first");
  const output = (await expectDone(recover())).stderr;
  expect(output).toMatch(/server: adopted \d+/);
  const after = await exported();
  expect(after.deployment.pending_operations ?? []).toEqual([]);
  expect(ids(after)).toEqual(ids(before));
  expect(outputs(after)).toEqual(outputs(before));
  expect(after.deployment.resources.flatMap(({ initErrors = [] }) => initErrors)).toEqual([]);
  expect(JSON.stringify(after)).not.toContain("#cloud-config");
  requests.splice(0);
  await expectDone(pulumi("up", "--yes", "--skip-preview", "--stack", "dev", "--expect-no-changes"));
  expect(requests.filter((line) => !line.startsWith("GET"))).toEqual([]);
  await expectDone(pulumi("refresh", "--yes", "--skip-preview", "--stack", "dev", "--expect-no-changes"));
});

test("a recovery that cannot read an adopted object continues there next time, and a plain run succeeds too", async () => {
  const before = await exported();
  const marked = async () =>
    (await exported()).deployment.resources
      .filter(({ initErrors = [] }) => initErrors.length > 0)
      .map(({ urn }) => urn.split("::").at(-1));
  for (const again of ["recovery", "plain run"]) {
    forget("server", "record");
    refused = /^GET \/servers\/\d+$/;
    const failed = await recover();
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain("the next recovery reads them first");
    expect(ids(await exported())).toEqual(ids(before));
    expect(await marked()).toContain("server");
    // Another attempt while it is still refused loses nothing.
    expect((await recover()).status).toBe(1);
    expect(await marked()).toContain("server");
    refused = undefined;
    requests.splice(0);
    if (again === "recovery") await expectDone(recover());
    else await expectDone(pulumi("up", "--yes", "--skip-preview", "--stack", "dev"));
    expect(requests.filter((line) => !line.startsWith("GET"))).toEqual([]);
    expect(await marked()).toEqual([]);
    expect(ids(await exported())).toEqual(ids(before));
    expect(outputs(await exported())).toEqual(outputs(before));
    await expectDone(pulumi("preview", "--stack", "dev", "--expect-no-changes"));
  }
});

test("if a vendor refuses, the pending creations stay", async () => {
  forget("server");
  refused = /^GET \/servers$/;
  const failed = await recover();
  expect(failed.status).toBe(1);
  expect(failed.stderr).toContain("the state was not changed");
  refused = undefined;
  expect((await exported()).deployment.pending_operations).toHaveLength(1);
  await expectDone(recover());
  await expectDone(pulumi("preview", "--stack", "dev", "--expect-no-changes"));
});

test("a deleted item fails every refresh, until a recovery and the next run create it again", async () => {
  const op = (...args: string[]) => tool([path.join(root, "sandbox/vendors/onepassword/op"), ...args]);
  const items = async () =>
    (JSON.parse((await op("item", "list", "--format", "json")).stdout) as { title: string }[])
      .map(({ title }) => title)
      .sort();
  await expectDone(op("item", "delete", "first", "--vault", "sandbox"));
  const stopped = await pulumi("refresh", "--yes", "--skip-preview", "--stack", "dev");
  expect(stopped.status).not.toBe(0);
  expect(`${stopped.stdout}${stopped.stderr}`).toContain("Could not get item");
  expect((await expectDone(recover())).stderr).toContain("first: deleted in 1Password");
  expect(await isInState("first")).toBe(false);
  await expectDone(pulumi("refresh", "--yes", "--skip-preview", "--stack", "dev"));
  await expectDone(pulumi("up", "--yes", "--skip-preview", "--stack", "dev"));
  expect(await items()).toEqual(["first", "second"]);
  await expectDone(pulumi("preview", "--stack", "dev", "--expect-no-changes"));
});

test("CAA flags that an earlier release wrote as text fail every refresh until a recovery", async () => {
  const file = path.join(scratch, "state/.pulumi/stacks/recovery/dev.json");
  const text = readFileSync(file, "utf8");
  expect(text).toMatch(/"flags": ?0\b/);
  writeFileSync(file, text.replaceAll(/"flags": ?0\b/g, '"flags":"0"'));
  const failed = await pulumi("refresh", "--yes", "--skip-preview", "--stack", "dev");
  expect(`${failed.stdout}${failed.stderr}`).toContain("cannot deserialize types.StringValue");
  expect((await expectDone(recover())).stderr).toContain("caa: CAA flags are a number now");
  await expectDone(pulumi("refresh", "--yes", "--skip-preview", "--stack", "dev", "--expect-no-changes"));
  await expectDone(pulumi("preview", "--stack", "dev", "--expect-no-changes"));
});

/** Sends a request for the server `spare` to the emulated Hetzner. */
async function aboutSpare(method: string, body?: object): Promise<void> {
  const id = (await exported()).deployment.resources.find(({ urn }) => urn.endsWith("::spare"))?.id;
  const headers = { authorization: `Bearer ${env["HCLOUD_TOKEN"]}`, "content-type": "application/json" };
  const answer = await fetch(`${vendors.url("hetzner")}/v1/servers/${id}`, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  expect(answer.ok).toBe(true);
}
const isInState = async (name: string) =>
  (await exported()).deployment.resources.some(({ urn }) => urn.endsWith(`::${name}`));

test("what the vendor does not have leaves the state, and the next run creates it", async () => {
  await aboutSpare("DELETE");
  forget("spare");
  expect((await expectDone(recover())).stderr).toContain("spare: does not exist");
  expect((await exported()).deployment.pending_operations ?? []).toEqual([]);
  expect(await isInState("spare")).toBe(false);
  await expectDone(pulumi("up", "--yes", "--skip-preview", "--stack", "dev"));
  expect(await isInState("spare")).toBe(true);
});

test("an object of the same name that belongs to no stack is not adopted", async () => {
  await aboutSpare("PUT", { labels: { "managed-by": "somebody" } });
  forget("spare");
  expect((await expectDone(recover())).stderr).toContain("spare: does not exist");
  expect(await isInState("spare")).toBe(false);
});

test.each(["an API key", "an OAuth client"])(
  "with %s a tailnet key whose secret was lost is removed",
  async (credentials) => {
    const keys = async () => {
      const headers = { authorization: `Bearer ${vendors.secret("TAILSCALE_API_KEY")}` };
      const answer = await fetch(`${vendors.url("tailscale")}/api/v2/tailnet/-/keys`, { headers });
      return ((await answer.json()) as { keys: unknown[] }).keys.length;
    };
    const withApiKey = env;
    if (credentials === "an OAuth client") {
      env = {
        ...env,
        TAILSCALE_API_KEY: "",
        TAILSCALE_OAUTH_CLIENT_ID: vendors.secret("TAILSCALE_OAUTH_CLIENT_ID"),
        TAILSCALE_OAUTH_CLIENT_SECRET: vendors.secret("TAILSCALE_OAUTH_CLIENT_SECRET"),
      };
    }
    const before = await keys();
    forget("join");
    const recovered = await expectDone(recover());
    env = withApiKey;
    expect(recovered.stderr).toContain('removed 1 unused key(s) "join web"');
    expect(await keys()).toBe(before - 1);
    await expectDone(pulumi("up", "--yes", "--skip-preview", "--stack", "dev", "--target", "**::join"));
  },
);
