import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Vendors } from "./vendors.ts";

// A stack with a server, a key, a record and a tailnet key, made by the real engine at the emulated vendors. A killed run
// is played by turning resources of its state into pending creations; recovery must bring the state back to where the
// program sees no difference.

const root = process.cwd();
const PROGRAM = `
import * as cloudflare from "@pulumi/cloudflare";
import * as hcloud from "@pulumi/hcloud";
import * as tailscale from "@pulumi/tailscale";
const labels = { "managed-by": "pantheros", stack: "dev" };
const key = new hcloud.SshKey("key", { name: "dev-key", publicKey: "ssh-ed25519 ${"AAAAC3NzaC1lZDI1NTE5AAAAI"}${"A".repeat(43)}", labels });
const ignoreChanges = ["image", "userData", "sshKeys"];
const server = new hcloud.Server("server", { name: "web", serverType: "cx23", image: "debian-13", location: "fsn1", sshKeys: [key.id], userData: "#cloud-config", labels }, { ignoreChanges });
new hcloud.Server("spare", { name: "spare", serverType: "cx23", image: "debian-13", location: "fsn1", sshKeys: [key.id], labels }, { ignoreChanges });
const zone = cloudflare.getZoneOutput({ filter: { name: "example.test" } });
new cloudflare.DnsRecord("record", { zoneId: zone.zoneId, name: "web.example.test", type: "A", ttl: 300, content: server.ipv4Address });
new cloudflare.DnsRecord("caa", { zoneId: zone.zoneId, name: "example.test", type: "CAA", ttl: 300, data: { flags: "0", tag: "issue", value: "letsencrypt.org" } });
new tailscale.TailnetKey("join", { description: "join web", preauthorized: true, reusable: false, expiry: 3600 });
`;

let vendors: Vendors;
let scratch = "";
let env: NodeJS.ProcessEnv;

const tool = (argv: readonly string[]): SpawnSyncReturns<string> =>
  spawnSync(path.join(root, "tools/with"), argv, { cwd: scratch, env, encoding: "utf8", timeout: 180_000 });
const pulumi = (...args: string[]) => tool(["pulumi", ...args, "--non-interactive", "--color", "never"]);
function expectDone(result: SpawnSyncReturns<string>): SpawnSyncReturns<string> {
  if (result.status !== 0) throw new Error(`exit code ${result.status}\n${result.stdout}\n${result.stderr}`);
  return result;
}

interface State {
  deployment: {
    resources: { urn: string; type: string; id?: string; outputs?: unknown }[];
    pending_operations?: unknown[];
  };
}
function exported(): State {
  expectDone(pulumi("stack", "export", "--file", "state.json"));
  return JSON.parse(readFileSync(path.join(scratch, "state.json"), "utf8")) as State;
}

/** Makes the state what it is after a kill during the creation of these resources. (`stack import` would drop them.) */
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
      `  hcloud:endpoint: ${vendors.url("hetzner")}/v1`,
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
  };
  expectDone(pulumi("stack", "init", "dev"));
  expectDone(pulumi("up", "--yes", "--skip-preview", "--stack", "dev"));
}, 240_000);

afterAll(async () => {
  await vendors?.stop();
  rmSync(scratch, { recursive: true, force: true });
}, 60_000);

jest.setTimeout(240_000);

test("without pending creations it changes nothing", () => {
  const before = exported();
  expectDone(recover());
  expect(exported().deployment.resources).toEqual(before.deployment.resources);
});

test("a server, its key and its records are found again, and the program sees no difference", () => {
  const ids = (state: State) =>
    Object.fromEntries(state.deployment.resources.map(({ urn, id }) => [urn, id]));
  const before = ids(exported());
  forget("server", "record", "caa", "key");
  const said = expectDone(recover()).stderr;
  expect(said).toMatch(/server: adopted \d+/);
  const after = exported();
  expect(after.deployment.pending_operations ?? []).toEqual([]);
  expect(ids(after)).toEqual(before);
  expectDone(pulumi("preview", "--stack", "dev", "--expect-no-changes"));
});

/** Asks the emulated Hetzner about the server that the state calls `spare`. */
async function aboutSpare(method: string, body?: object): Promise<void> {
  const id = exported().deployment.resources.find(({ urn }) => urn.endsWith("::spare"))?.id;
  const headers = { authorization: `Bearer ${env["HCLOUD_TOKEN"]}`, "content-type": "application/json" };
  const answer = await fetch(`${vendors.url("hetzner")}/v1/servers/${id}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(answer.ok).toBe(true);
}
const isInState = (name: string) =>
  exported().deployment.resources.some(({ urn }) => urn.endsWith(`::${name}`));

test("what the vendor does not have is forgotten and made by the next run", async () => {
  await aboutSpare("DELETE");
  forget("spare");
  expect(expectDone(recover()).stderr).toContain("spare: not there");
  expect(exported().deployment.pending_operations ?? []).toEqual([]);
  expect(isInState("spare")).toBe(false);
  expectDone(pulumi("up", "--yes", "--skip-preview", "--stack", "dev"));
  expect(isInState("spare")).toBe(true);
});

test("an object of the same name that is not this stack's is left alone", async () => {
  await aboutSpare("PUT", { labels: { "managed-by": "somebody" } });
  forget("spare");
  expect(expectDone(recover()).stderr).toContain("spare: not there");
  expect(isInState("spare")).toBe(false);
});

test("a tailnet key whose secret died with the run is removed at the vendor", async () => {
  const keys = async () => {
    const headers = { authorization: `Bearer ${env["TAILSCALE_API_KEY"]}` };
    const answer = await fetch(`${vendors.url("tailscale")}/api/v2/tailnet/-/keys`, { headers });
    return ((await answer.json()) as { keys: unknown[] }).keys.length;
  };
  const before = await keys();
  forget("join");
  expect(expectDone(recover()).stderr).toContain('removed 1 unused key(s) "join web"');
  expect(await keys()).toBe(before - 1);
});
