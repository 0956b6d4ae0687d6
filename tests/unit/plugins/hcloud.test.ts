import { join } from "node:path";
import { Hono } from "hono";
import type { Hetzner } from "../../../sandbox/plugins/hcloud/client.ts";
import { hcloud } from "../../../sandbox/plugins/hcloud/plugin.ts";
import { hetznerApp } from "../../../sandbox/vendors/hetzner/app.ts";
import { openProject } from "../../../sandbox/vendors/hetzner/project.ts";
import { emptyState } from "../../../sandbox/vendors/hetzner/state.ts";
import { MemoryCompute } from "../../../sandbox/vendors/memory-compute.ts";
import { Store } from "../../../sandbox/vendors/store.ts";
import { folder, Session, vendor } from "./session.ts";

const token = "t".repeat(64);
const machines = new MemoryCompute();
const requests: string[] = [];
const path = folder();
let session: Session<Hetzner>;
let close: () => Promise<void>;
let base: string;

beforeAll(async () => {
  const store = new Store(join(path, "hetzner.json"), emptyState);
  const project = openProject({ store, compute: machines, token, log: () => undefined });
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    const url = new URL(context.req.url);
    if (context.req.method !== "GET")
      requests.push(`${context.req.method} ${url.pathname.replace("/v1", "")}`);
  });
  app.route("/", hetznerApp(project, false));
  const server = await vendor(app);
  close = server.close;
  base = `${server.url}/v1`;
  session = new Session(hcloud, { token, endpoint: base, pollInterval: "20ms", pollFunction: "constant" });
});
afterAll(() => close());
beforeEach(() => requests.splice(0));

const key = (name: string) => ({
  name,
  publicKey: `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${Buffer.from(name.padEnd(32, "x")).toString("base64").slice(0, 43)} me@here`,
});

test("a server with its own addresses and firewall is created, read back, changed in place and deleted", async () => {
  const sshKey = await session.create("hcloud:index/sshKey:SshKey", "key", key("deploy"));
  expect(sshKey.outputs["fingerprint"]).toMatch(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/);
  const ip = await session.create("hcloud:index/primaryIp:PrimaryIp", "ip", {
    name: "web-ipv4",
    type: "ipv4",
    location: "fsn1",
    autoDelete: false,
    labels: { "managed-by": "pantheros" },
  });
  expect(ip.outputs["ipAddress"]).toMatch(/^203\.0\.113\.\d+$/);
  const rules = [
    { direction: "in", protocol: "tcp", port: "22", sourceIps: ["198.51.100.1/32"] },
    {
      direction: "in",
      protocol: "udp",
      port: "41641",
      sourceIps: ["0.0.0.0/0", "::/0"],
      description: "tailscale",
    },
  ];
  const firewall = await session.create("hcloud:index/firewall:Firewall", "fw", { name: "web", rules });
  const args = {
    name: "web",
    serverType: "cx23",
    image: "debian-13",
    location: "fsn1",
    sshKeys: [sshKey.id],
    firewallIds: [Number(firewall.id)],
    labels: { host: "web" },
    publicNets: [{ ipv4Enabled: true, ipv4: Number(ip.id), ipv6Enabled: true }],
    userData: "#cloud-config\n",
  };
  const server = await session.create("hcloud:index/server:Server", "web", args);
  expect(server.outputs["ipv4Address"]).toBe(ip.outputs["ipAddress"]);
  expect(server.outputs["ipv6Address"]).toMatch(/^2001:db8:.*::1$/);
  expect(server.outputs["status"]).toBe("running");
  expect(machines.machines.size).toBe(1);

  for (const live of [sshKey, ip, firewall, server]) {
    const refreshed = await session.refresh(live);
    expect([live.name, refreshed?.inputs]).toEqual([live.name, live.inputs]);
  }

  requests.splice(0);
  const relabelled = await session.update(server, { ...args, labels: { host: "web", wave: "1" } });
  expect(requests).toEqual([`PUT /servers/${server.id}`]);
  expect((await session.refresh(relabelled))?.inputs["labels"]).toEqual({ host: "web", wave: "1" });

  await session.delete(relabelled);
  expect(await session.refresh(relabelled)).toBeUndefined();
  expect(machines.machines.size).toBe(0);
  expect((await session.refresh(ip))?.outputs["ipAddress"]).toBe(ip.outputs["ipAddress"]);
  await session.delete(firewall);
  await session.delete(ip);
  await session.delete(sshKey);
  await session.delete(sshKey); // a second deletion is no error
});

test("a server runs after a change of type; its placement group cannot change while it runs", async () => {
  const group = await session.create("hcloud:index/placementGroup:PlacementGroup", "spread", {
    name: "spread",
    type: "spread",
  });
  const args = { name: "grown", serverType: "cx23", image: "debian-13", location: "fsn1", keepDisk: true };
  const server = await session.create("hcloud:index/server:Server", "grown", args);
  requests.splice(0);
  const bigger = await session.update(server, { ...args, serverType: "cx33" });
  const path = `POST /servers/${server.id}/actions`;
  expect(requests).toEqual([`${path}/poweroff`, `${path}/change_type`]);
  expect(bigger.outputs["status"]).toBe("running");
  const grouped = { ...bigger.inputs, placementGroupId: Number(group.id) };
  await expect(session.update(bigger, grouped)).rejects.toThrow(/server_not_stopped/);

  const member = await session.create("hcloud:index/server:Server", "member", {
    ...args,
    name: "member",
    placementGroupId: Number(group.id),
  });
  await expect(session.update(member, { ...args, name: "member" })).rejects.toThrow(/shut it down/);
  for (const live of [group, member]) {
    expect([live.name, (await session.refresh(live))?.inputs]).toEqual([live.name, live.inputs]);
  }
  for (const live of [bigger, member, group]) await session.delete(live);
});

test("which changes replace a server", async () => {
  const args = { name: "diff", serverType: "cx23", image: "debian-13", location: "fsn1", labels: { a: "1" } };
  const live = { type: "hcloud:index/server:Server", name: "diff", id: "1", inputs: args, outputs: {} };
  expect(session.diff(live, { ...args })).toEqual([]);
  expect(session.diff(live, { ...args, labels: { a: "2", b: "3" } })).toEqual(["labels.a", "labels.b"]);
  expect(
    session.diff(live, { ...args, image: "debian-12", userData: "x", sshKeys: ["k"], location: "nbg1" }),
  ).toEqual(["image!", "location!", "userData!", "sshKeys!"]);
  expect(session.diff(live, { ...args, userData: "x" }, ["userData"])).toEqual([]);
  const inPlace = { ...args, serverType: "cx33", firewallIds: [2, 1], backups: true };
  expect(session.diff(live, inPlace)).toEqual(["serverType", "firewallIds", "backups"]);
  const fenced = { ...live, inputs: { ...args, firewallIds: [1, 2] } };
  expect(session.diff(fenced, { ...args, firewallIds: [2, 1] })).toEqual([]);
});

test("drift changes the inputs; the vendor's own choices do not", async () => {
  const args = {
    name: "drift",
    labels: { a: "1" },
    rules: [{ direction: "in", protocol: "icmp", sourceIps: ["0.0.0.0/0"] }],
  };
  const firewall = await session.create("hcloud:index/firewall:Firewall", "drift", args);
  const authorization = `Bearer ${token}`;
  const answer = await fetch(`${base}/firewalls/${firewall.id}/actions/set_rules`, {
    method: "POST",
    headers: { authorization, "content-type": "application/json" },
    body: JSON.stringify({ rules: [] }),
  });
  expect(answer.status).toBe(201);
  const drifted = await session.refresh(firewall);
  expect(drifted?.inputs).toEqual({ name: "drift", labels: { a: "1" }, rules: [] });
  expect(drifted && session.diff(drifted, args)).toEqual(["rules"]);
  const repaired = await session.update(drifted ?? firewall, args);
  expect((await session.refresh(repaired))?.inputs).toEqual(repaired.inputs);
  await session.delete(repaired);
});

test("an empty set of rules is not sent: the update succeeds, the old rules stay, and a refresh shows them", async () => {
  const rules = [{ direction: "in", protocol: "tcp", port: "22", sourceIps: ["0.0.0.0/0"] }];
  const firewall = await session.create("hcloud:index/firewall:Firewall", "open", { name: "open", rules });
  requests.splice(0);
  const emptied = await session.update(firewall, { name: "open", rules: [] });
  expect(requests).toEqual([]);
  expect(emptied.outputs["rules"]).toEqual(rules);
  const refreshed = await session.refresh(emptied);
  expect(refreshed?.inputs["rules"]).toEqual(rules);
  expect(refreshed && session.diff(refreshed, { name: "open", rules: [] })).toEqual(["rules"]);
  const closed = [{ direction: "in", protocol: "icmp", sourceIps: ["127.0.0.1/32"] }];
  const shut = await session.update(emptied, { name: "open", rules: closed });
  expect((await session.refresh(shut))?.inputs["rules"]).toEqual(closed);
  await session.delete(shut);
});

const SERVER = "hcloud:index/server:Server";
const PRIMARY_IP = "hcloud:index/primaryIp:PrimaryIp";

test("a server that was read without a state has no public networks, and adding them deletes its address", async () => {
  const ip = await session.create(PRIMARY_IP, "lost-ipv4", {
    name: "lost-ipv4",
    type: "ipv4",
    location: "fsn1",
  });
  const args = {
    name: "lost",
    serverType: "cx23",
    image: "debian-13",
    location: "fsn1",
    publicNets: [{ ipv4Enabled: true, ipv4: Number(ip.id), ipv6Enabled: false }],
  };
  const server = await session.create(SERVER, "lost", args);
  const imported = await session.import(SERVER, "lost", server.id);
  expect(imported?.inputs).not.toHaveProperty("publicNets");
  const unread = { ...server, inputs: { ...server.inputs }, outputs: {} };
  const read = await session.refresh(unread);
  expect(read && session.diff(read, args)).toEqual(["publicNets"]);
  requests.splice(0);
  await expect(session.update(read ?? server, args)).rejects.toThrow(/not_found/);
  const power = `POST /servers/${server.id}/actions`;
  const address = `/primary_ips/${ip.id}`;
  expect(requests).toEqual([
    `${power}/poweroff`,
    `POST ${address}/actions/unassign`,
    `DELETE ${address}`,
    `POST ${address}/actions/assign`,
    `${power}/poweron`,
  ]);
  expect(await session.refresh(ip)).toBeUndefined();
  await session.delete(server);
});

test("with its inputs as state a server keeps its address, and drift of it is not detected", async () => {
  const create = (name: string) =>
    session.create(PRIMARY_IP, name, { name, type: "ipv4", location: "fsn1", deleteProtection: true });
  const [first, second] = [await create("kept-1"), await create("kept-2")];
  const args = (ip: typeof first) => ({
    name: "kept",
    serverType: "cx23",
    image: "debian-13",
    location: "fsn1",
    publicNets: [{ ipv4Enabled: true, ipv4: Number(ip?.id), ipv6Enabled: false }],
  });
  const server = await session.create(SERVER, "kept", args(first));
  const adopted = await session.refresh({ ...server, outputs: { ...server.inputs, id: server.id } });
  expect(adopted?.inputs).toEqual(server.inputs);
  expect(adopted?.outputs).toEqual(server.outputs);
  expect(session.diff(server, { ...args(first), publicNets: [] })).toEqual([]);
  requests.splice(0);
  const moved = await session.update(adopted ?? server, args(second));
  expect(moved.outputs["ipv4Address"]).toBe(second?.outputs["ipAddress"]);
  expect(requests.filter((line) => line.startsWith("DELETE"))).toEqual([]);
  expect(await session.refresh(first)).toBeDefined();
  await session.delete(moved);
  for (const ip of [first, second])
    await session.delete(await session.update(ip, { ...ip.inputs, deleteProtection: false }));
});

test("a name that is taken is an error with the vendor's code", async () => {
  const first = await session.create("hcloud:index/sshKey:SshKey", "one", key("taken"));
  const again = session.create("hcloud:index/sshKey:SshKey", "two", { ...key("other"), name: "taken" });
  await expect(again).rejects.toThrow(/^POST \/ssh_keys: 409 uniqueness_error: /);
  await session.delete(first);
});

test("the reverse DNS of a primary IP is created, read back, changed and reset", async () => {
  const ip = await session.create(PRIMARY_IP, "n1-ipv4", { name: "n1-ipv4", type: "ipv4", location: "fsn1" });
  const rdns = await session.create("hcloud:index/rdns:Rdns", "ptr", {
    primaryIpId: Number(ip.id),
    ipAddress: String(ip.outputs["ipAddress"]),
    dnsPtr: "n1.example.test",
  });
  expect(rdns.id).toBe(`p-${ip.id}-${ip.outputs["ipAddress"]}`);
  expect((await session.refresh(rdns))?.inputs).toEqual(rdns.inputs);
  const renamed = await session.update(rdns, { ...rdns.inputs, dnsPtr: "other.example.test" });
  expect((await session.refresh(renamed))?.inputs["dnsPtr"]).toBe("other.example.test");
  await session.delete(renamed);
  expect((await session.refresh(renamed))?.inputs["dnsPtr"]).toMatch(/your-server\.de$/);
  await session.delete(ip);
  expect(await session.refresh(renamed)).toBeUndefined();
});

test("invalid arguments fail in the check, with their names", () => {
  const type = "hcloud:index/server:Server";
  expect(() => session.checked(type, "x", { name: "x" })).toThrow("serverType: is required");
  expect(() =>
    session.checked(type, "x", { name: "x", serverType: "cx23", datacenter: "fsn1-dc14" }),
  ).toThrow("datacenter: not supported by this plugin; it takes name, labels");
  expect(() => session.checked(type, "x", { name: "x", serverType: "cx23", deleteProtection: true })).toThrow(
    "rebuildProtection: must be the same as deleteProtection",
  );
  expect(session.checked(type, "x", { serverType: "cx23" })["name"]).toMatch(/^x-[0-9a-f]{7}$/);
  expect(() => session.checked("hcloud:index/loadBalancer:LoadBalancer", "x", {})).toThrow(
    'the sandbox plugin "hcloud" has no resource type hcloud:index/loadBalancer:LoadBalancer; it has ',
  );
});
