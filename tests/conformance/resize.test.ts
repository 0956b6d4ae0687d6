import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Vendors } from "./vendors.ts";

// The real engine creates one server of the program's own component at the emulated vendor. The
// preflight checks find problems before the machine is stopped; if the vendor refuses the resize
// nevertheless, the machine stays on.

const root = process.cwd();
const PROGRAM = `
import * as pulumi from "@pulumi/pulumi";
import { loadProviders } from "./components/fleet/providers.ts";
import { prepareServers } from "./components/fleet/servers.ts";
import { runPreflight } from "./components/fleet/preflight.ts";
import { loadInventory } from "./inventory/load.ts";
import { planFor } from "./inventory/plan.ts";

const plan = planFor(loadInventory("fleet.toml"), "sandbox");
const answers = await runPreflight(plan, pulumi.getStack());
// Simulates an unforeseeable refusal.
if (process.env["UNFORESEEN"] === "yes")
  for (const answer of answers.values()) answer.problems?.splice(0);
const settings = { fleetFile: "fleet.toml", stack: pulumi.getStack(), sshKey: undefined };
const servers = await prepareServers(await loadProviders(plan), answers, { plan, settings });
const parent = new pulumi.ComponentResource("test:index:Fleet", "fleet");
const make = servers.creating.get("hetzner").declare(plan.hosts, parent);
for (const host of plan.hosts) make(host);
export const power = Object.fromEntries(servers.power);
`;
const fleet = (type: string, more = "") => `schema = 1
[fleet]
domain = "example.test"
[environments.sandbox]
disposable = true
[hosts.web]
environment = "sandbox"
${more}profiles = ["server"]
provider = { kind = "hetzner", location = "fsn1", server_type = "${type}" }
`;

let vendors: Vendors;
let scratch = "";
let env: NodeJS.ProcessEnv;

const file = (name: string, content: string) => writeFileSync(path.join(scratch, name), content);
const pulumi = (args: readonly string[], more: NodeJS.ProcessEnv = {}): SpawnSyncReturns<string> =>
  spawnSync(
    path.join(root, "tools/with"),
    ["pulumi", ...args, "--non-interactive", "--color", "never", "--stack", "dev"],
    { cwd: scratch, env: { ...env, ...more }, encoding: "utf8", timeout: 120_000 },
  );
const up = (more: NodeJS.ProcessEnv = {}) => pulumi(["up", "--yes", "--skip-preview"], more);
const preview = () => pulumi(["preview"]);
function expectDone(result: SpawnSyncReturns<string>): string {
  if (result.status !== 0) throw new Error(`exit code ${result.status}\n${result.stdout}\n${result.stderr}`);
  return result.stdout;
}
const expectNoChanges = () => expectDone(pulumi(["preview", "--expect-no-changes"]));
/** The output of a command that must fail. */
function refused(result: SpawnSyncReturns<string>): string {
  expect(result.status).not.toBe(0);
  return `${result.stdout}${result.stderr}`;
}

async function vendor(method: string, at: string): Promise<Record<string, unknown>> {
  // The engine runs longer than the vendor keeps a connection open.
  const headers = { authorization: `Bearer ${env["HCLOUD_TOKEN"]}`, connection: "close" };
  const answer = await fetch(`${vendors.url("hetzner")}/v1${at}`, { method, headers });
  if (!answer.ok) throw new Error(`${method} ${at}: ${answer.status}`);
  return (await answer.json()) as Record<string, unknown>;
}
async function server(): Promise<{ id: number; status: string; server_type: { name: string } }> {
  const { servers } = (await vendor("GET", "/servers?name=web")) as {
    servers: Awaited<ReturnType<typeof server>>[];
  };
  const [found] = servers;
  if (found === undefined) throw new Error("no server");
  return found;
}
/** Commands of the server's actions after the action with that id. */
async function actions(since = 0): Promise<{ id: number; command: string }[]> {
  const { actions: all } = (await vendor("GET", `/servers/${(await server()).id}/actions?per_page=50`)) as {
    actions: { id: number; command: string }[];
  };
  return all.filter(({ id }) => id > since);
}
const lastAction = async () => Math.max(...(await actions()).map(({ id }) => id));
const commands = async (since: number) => (await actions(since)).map(({ command }) => command);

jest.setTimeout(240_000);

beforeAll(async () => {
  vendors = await Vendors.start("hetzner");
  scratch = mkdtempSync(path.join(tmpdir(), "pantheros-resize-"));
  mkdirSync(path.join(scratch, "state"));
  for (const name of ["node_modules", "components", "clients", "deployer", "inventory", "lib", "providers"]) {
    symlinkSync(path.join(root, name), path.join(scratch, name));
  }
  file("package.json", '{"name":"resize","type":"module"}');
  file("index.ts", PROGRAM);
  file(
    "Pulumi.yaml",
    "name: resize\nmain: index.ts\nruntime: {name: nodejs, options: {typescript: false}}\n",
  );
  file(
    "Pulumi.dev.yaml",
    `config:\n  hcloud:endpoint: ${vendors.url("hetzner")}/v1\n  hcloud:pollInterval: 100ms\n`,
  );
  file("fleet.toml", fleet("cx23"));
  env = {
    ...process.env,
    PANTHEROS_PULUMI: "registry",
    PULUMI_BACKEND_URL: `file://${scratch}/state`,
    PULUMI_CONFIG_PASSPHRASE: "test",
    HCLOUD_TOKEN: vendors.secret("HCLOUD_TOKEN"),
  };
  expectDone(pulumi(["stack", "init"]));
  expectDone(up());
}, 240_000);

afterAll(async () => {
  await vendors?.stop();
  rmSync(scratch, { recursive: true, force: true });
}, 60_000);

test("a different architecture is refused by preview and up, and the server is not stopped", async () => {
  const since = await lastAction();
  file("fleet.toml", fleet("cax11", 'system = "aarch64-linux"\n'));
  for (const error of [refused(preview()), refused(up())]) {
    expect(error).toMatch(
      /fleet\.toml: hosts\.web\.provider\.server_type: the server is a cx23 \(x86\) and can't become a cax11 \(arm\)/,
    );
  }
  expect(await commands(since)).toEqual([]);
  expect((await server()).status).toBe("running");
});

test("after an unforeseen refusal the machine is on, and the edit can be reverted", async () => {
  const since = await lastAction();
  const error = refused(up({ UNFORESEEN: "yes" }));
  expect(error).toContain("server type has another architecture");
  expect(error).toMatch(/web: the change failed and left the server off; it was powered on again/);
  expect(await commands(since)).toEqual(["stop_server", "start_server"]);
  expect(await server()).toMatchObject({ status: "running", server_type: { name: "cx23" } });
  file("fleet.toml", fleet("cx23"));
  expectNoChanges();
});

test("a server that is off: a preview reports it, up powers it on, and the next run changes nothing", async () => {
  const { id } = await server();
  await vendor("POST", `/servers/${id}/actions/poweroff`);
  const since = await lastAction();
  expect(expectDone(preview())).toContain("the server is off at Hetzner Cloud");
  expect(await commands(since)).toEqual([]);
  expect(expectDone(up())).toMatch(/web: the server was off at Hetzner Cloud and was powered on/);
  expect(await commands(since)).toEqual(["start_server"]);
  expectNoChanges();
});

test("an accepted resize: off, changed, on, and the next run changes nothing", async () => {
  const since = await lastAction();
  file("fleet.toml", fleet("cx33"));
  expectDone(up());
  expect(await commands(since)).toEqual(["stop_server", "change_server_type"]);
  expect(await server()).toMatchObject({ status: "running", server_type: { name: "cx33" } });
  expectNoChanges();
  // The disk was kept, so the former type is still possible.
  file("fleet.toml", fleet("cx23"));
  expectDone(up());
  expect(await server()).toMatchObject({ status: "running", server_type: { name: "cx23" } });
});
