import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Hono } from "hono";
import { hetznerApp } from "../../../sandbox/vendors/hetzner/app.ts";
import { recover } from "../../../sandbox/vendors/hetzner/machines.ts";
import { openProject, type Project } from "../../../sandbox/vendors/hetzner/project.ts";
import { emptyState } from "../../../sandbox/vendors/hetzner/state.ts";
import { MemoryCompute } from "../../../sandbox/vendors/memory-compute.ts";
import { Store } from "../../../sandbox/vendors/store.ts";

/** Machines whose creation waits until the test ends it, with success or an error. */
class HeldCompute extends MemoryCompute {
  release: (error?: Error) => void = () => {};

  override create(spec: Parameters<MemoryCompute["create"]>[0]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.release = (error) => (error === undefined ? resolve(super.create(spec)) : reject(error));
    });
  }
}

interface Server {
  id: number;
  status: string;
  locked: boolean;
}
interface Action {
  id: number;
  status: string;
  error: { code: string; message: string } | null;
}

const dir = mkdtempSync(join(tmpdir(), "hetzner-"));
let number = 0;
let compute: HeldCompute;
let project: Project;
let app: Hono;

const open = (path: string) => {
  const store = new Store(path, emptyState);
  project = openProject({ store, compute, token: "token", log: () => {} });
  app = hetznerApp(project, false);
};
beforeEach(() => {
  compute = new HeldCompute();
  open(join(dir, `${number++}.json`));
});
afterAll(() => rmSync(dir, { recursive: true }));

async function call<T>(method: string, path: string, body?: object): Promise<T & { status: number }> {
  const response = await app.request(`/v1${path}`, {
    method,
    headers: { authorization: "Bearer token" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { ...(text === "" ? {} : JSON.parse(text)), status: response.status };
}
const create = (more: object = {}) =>
  call<{ server: Server; action: Action; next_actions: Action[] }>("POST", "/servers", {
    name: "web",
    server_type: "cx23",
    image: "debian-13",
    location: "fsn1",
    ...more,
  });
const show = async (id: number) => (await call<{ server: Server }>("GET", `/servers/${id}`)).server;
const action = async (id: number) => (await call<{ action: Action }>("GET", `/actions/${id}`)).action;
/** Runs the queued effects. */
const turn = async () => {
  for (let count = 0; count < 5; count++) await new Promise((resolve) => setImmediate(resolve));
};

test("a server is locked until its machine is created", async () => {
  const { server, action: creating } = await create();
  await turn();
  expect(await show(server.id)).toMatchObject({ status: "initializing", locked: true });
  for (const [method, path] of [
    ["POST", "/actions/poweroff"],
    ["POST", "/actions/enable_backup"],
    ["DELETE", ""],
  ] as const) {
    expect(await call(method, `/servers/${server.id}${path}`)).toMatchObject({
      status: 423,
      error: { code: "locked" },
    });
  }
  expect(await action(creating.id)).toMatchObject({ status: "running" });
  compute.release();
  await project.actions.idle();
  expect(await show(server.id)).toMatchObject({ status: "running", locked: false });
  expect(await action(creating.id)).toMatchObject({ status: "success", error: null });
});

test("a failed creation of a machine is the action's error, and the server can be deleted", async () => {
  const { server, action: creating, next_actions } = await create();
  await turn();
  compute.release(new Error("no room"));
  await project.actions.idle();
  expect(await action(creating.id)).toMatchObject({ status: "error", error: { message: "no room" } });
  expect(await action(next_actions[0]?.id ?? 0)).toMatchObject({ status: "error" });
  expect(await show(server.id)).toMatchObject({ status: "unknown", locked: false });
  await call("DELETE", `/servers/${server.id}`);
  await project.actions.idle();
  expect((await call("GET", `/servers/${server.id}`)).status).toBe(404);
});

test("a machine is created with keys, user data, addresses and filter", async () => {
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
  await call("POST", "/ssh_keys", { name: "deploy", public_key: key });
  const rule = { direction: "in", protocol: "tcp", port: "22", source_ips: ["198.51.100.1/32"] };
  const { firewall } = await call<{ firewall: { id: number } }>("POST", "/firewalls", {
    name: "wall",
    rules: [rule],
  });
  await create({ ssh_keys: ["deploy"], user_data: "#cloud-config", firewalls: [{ firewall: firewall.id }] });
  await turn();
  compute.release();
  await project.actions.idle();
  const machine = compute.machines.get("web");
  expect(machine?.spec).toMatchObject({
    name: "web",
    ipv4: "203.0.113.10",
    ipv6: "2001:db8:1:1::/64",
    authorizedKeys: [key],
    userData: "#cloud-config",
    firewall: [{ direction: "in", protocol: "tcp", port: "22", addresses: ["198.51.100.1/32"] }],
  });
  await call("POST", `/firewalls/${firewall.id}/actions/set_rules`, { rules: [] });
  await project.actions.idle();
  expect(machine?.firewall).toEqual([]);
});

test("a renamed server keeps its machine, and its old name is free", async () => {
  const first = await create();
  await turn();
  compute.release();
  await project.actions.idle();
  await call("PUT", `/servers/${first.server.id}`, { name: "old-web" });
  const second = await create();
  await turn();
  compute.release();
  await project.actions.idle();
  expect([...compute.machines.keys()]).toEqual(["web", `web-${second.server.id}`]);
});

describe("after a kill", () => {
  const restart = () => {
    open(project.store.path);
    return recover(project);
  };

  test("the creation of a server is finished", async () => {
    const { server, action: creating } = await create();
    await turn();
    compute = Object.assign(new HeldCompute(), { create: MemoryCompute.prototype.create });
    await restart();
    expect(await show(server.id)).toMatchObject({ status: "running" });
    expect(await action(creating.id)).toMatchObject({ status: "success" });
  });

  test("a stopped machine is started; a server without a machine has status unknown", async () => {
    const { server } = await create();
    await turn();
    compute.release();
    await project.actions.idle();
    await compute.powerOff("web");
    await restart();
    expect(await compute.status("web")).toBe("running");
    compute.machines.clear();
    await restart();
    expect(await show(server.id)).toMatchObject({ status: "unknown" });
    expect(compute.machines.size).toBe(0);
  });

  test("a deletion is finished, and addresses without auto_delete stay", async () => {
    const { primary_ip } = await call<{ primary_ip: { id: number } }>("POST", "/primary_ips", {
      name: "kept",
      type: "ipv4",
      location: "fsn1",
    });
    const { server } = await create({ public_net: { ipv4: primary_ip.id } });
    await turn();
    compute.release();
    await project.actions.idle();
    compute.delete = () => new Promise(() => {});
    await call("DELETE", `/servers/${server.id}`);
    expect(await show(server.id)).toMatchObject({ status: "deleting" });
    compute = new HeldCompute();
    await restart();
    expect((await call("GET", `/servers/${server.id}`)).status).toBe(404);
    const { primary_ips } = await call<{ primary_ips: object[] }>("GET", "/primary_ips");
    expect(primary_ips).toEqual([expect.objectContaining({ id: primary_ip.id, assignee_id: null })]);
  });
});

test("the hourly limit of requests is enforced", async () => {
  app = hetznerApp(project);
  let last = 200;
  for (let count = 0; count < 5000 && last === 200; count++) last = (await call("GET", "/locations")).status;
  expect(last).toBe(429);
  expect(await call("GET", "/locations")).toMatchObject({ error: { code: "rate_limit_exceeded" } });
});
