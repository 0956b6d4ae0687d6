import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HetznerApi } from "../../../clients/hetzner/api.ts";
import {
  closeDoor,
  type Door,
  doorFirewall,
  doorSelector,
  openDoor,
} from "../../../clients/hetzner/temporary-ssh-rule.ts";
import { hetznerApp } from "../../../sandbox/vendors/hetzner/app.ts";
import { MemoryCompute } from "../../../sandbox/vendors/hetzner/memory-compute.ts";
import { openProject, type Project } from "../../../sandbox/vendors/hetzner/project.ts";
import { emptyState } from "../../../sandbox/vendors/hetzner/state.ts";
import { Store } from "../../../sandbox/vendors/store.ts";

const directory = mkdtempSync(join(tmpdir(), "hetzner-door-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** Answers before the emulated vendor is asked, in turn; undefined lets the call through. */
let instead: ((method: string, path: string) => Response | Error | undefined)[];
let calls: string[];
let project: Project;
let api: HetznerApi;
let number = 0;
/** The next answer of the vendor does not arrive, though it did what it was asked. */
let lost = false;

beforeEach(async () => {
  const compute = new MemoryCompute();
  project = openProject(
    new Store(join(directory, `${number++}.json`), emptyState),
    compute,
    "token",
    () => {},
  );
  const app = hetznerApp(project, false);
  [calls, instead] = [[], []];
  api = new HetznerApi({
    endpoint: "http://api.example.test/v1",
    token: "token",
    sleep: () => new Promise((resume) => setImmediate(resume)),
    fetch: async (url, init) => {
      const path = String(url).replace("http://api.example.test", "");
      calls.push(`${init?.method} ${path}`);
      const answer = instead.shift()?.(init?.method ?? "", path);
      if (answer instanceof Error) throw answer;
      const said = answer ?? (await app.request(path, init));
      if (!lost) return said;
      lost = false;
      throw new Error("connection reset");
    },
  });
  await make("web");
  calls = [];
});

afterEach(async () => {
  await project.actions.settled();
  await new Promise((resume) => setImmediate(resume));
});

async function make(name: string): Promise<void> {
  const body = { name, server_type: "cx23", image: "debian-13", location: "fsn1" };
  await api.settle(await api.call("POST", "/servers", body));
}
const server = (name: string) => {
  const found = Object.values(project.state.servers).find((each) => each.name === name);
  if (found === undefined) throw new Error(`no server ${name}`);
  return found;
};
const door = (more: Partial<Door> = {}): Door => ({
  ...{ stack: "test", host: "web", server: server("web").id, sources: ["198.51.100.1/32"] },
  ...more,
});
const firewalls = () => Object.values(project.state.firewalls);

test("opening puts one firewall in front of the server; closing takes it away", async () => {
  await openDoor(api, door());
  expect(firewalls()).toMatchObject([
    {
      name: "test-web-install-door",
      labels: { "managed-by": "pantheros", purpose: "install-door", stack: "test", host: "web" },
      rules: [{ direction: "in", protocol: "tcp", port: "22", source_ips: ["198.51.100.1/32"] }],
      servers: [server("web").id],
    },
  ]);
  await closeDoor(api, door());
  expect(firewalls()).toEqual([]);
});

test("what a killed run left is swept before, and after; other hosts' doors and other firewalls stay", async () => {
  await make("db");
  await api.createFirewall({
    name: "web",
    labels: { "managed-by": "pantheros", stack: "test", host: "web" },
  });
  await openDoor(api, door({ host: "db", server: server("db").id }));
  await openDoor(api, door({ sources: ["192.0.2.0/24"] }));
  await openDoor(api, door());
  expect(firewalls().map(({ name }) => name)).toEqual([
    "web",
    "test-db-install-door",
    "test-web-install-door",
  ]);
  expect(firewalls().at(-1)?.rules).toMatchObject([{ source_ips: ["198.51.100.1/32"] }]);
  await closeDoor(api, door());
  expect(firewalls().map(({ name }) => name)).toEqual(["web", "test-db-install-door"]);
});

test("its server is deleted meanwhile: the rest of it goes all the same", async () => {
  const own = door();
  await openDoor(api, own);
  await api.settle(await api.call("DELETE", `/servers/${server("web").id}`));
  await closeDoor(api, own);
  expect(firewalls()).toEqual([]);
});

test("a call that the network or the vendor fails is tried again; a no is told as it is", async () => {
  instead = [
    () => new Error("socket hang up"),
    () => new Response("", { status: 502 }),
    () => Response.json({ error: { code: "rate_limit_exceeded", message: "slowly" } }, { status: 429 }),
  ];
  await openDoor(api, door());
  expect(firewalls()).toHaveLength(1);
  await closeDoor(api, door());
  instead = [
    () => undefined,
    () => Response.json({ error: { code: "forbidden", message: "read-only token" } }, { status: 403 }),
  ];
  await expect(openDoor(api, door())).rejects.toThrow(
    "POST /firewalls: read-only token (forbidden, HTTP 403)",
  );
  instead = Array.from({ length: 4 }, () => () => new Error("no route"));
  await expect(closeDoor(api, door())).rejects.toThrow("no route");
});

test("an answer that got lost: the firewall that the first try made is replaced by the second", async () => {
  instead = [() => undefined]; // the sweep
  instead.push(() => {
    lost = true;
    return undefined;
  });
  await openDoor(api, door());
  expect(firewalls()).toHaveLength(1);
  expect(calls.filter((call) => call === "POST /v1/firewalls")).toHaveLength(3);
});

test("a server's power, and a new disk", async () => {
  const { id } = server("web");
  expect(await api.serverStatus(id)).toBe("running");
  await api.settle(await api.call("POST", `/servers/${id}/actions/poweroff`));
  expect(await api.serverStatus(id)).toBe("off");
  expect(await api.serverStatus(4711)).toBeUndefined();
  await api.rebuild(id, "debian-13");
  expect(await api.serverStatus(id)).toBe("running");
});

test("the selector and the body are plain data", () => {
  expect(doorSelector({ stack: "test", host: "web" })).toBe(
    "managed-by=pantheros,purpose=install-door,stack=test,host=web",
  );
  expect(doorFirewall(door({ sources: ["192.0.2.1/32", "192.0.2.1/32"] }))).toMatchObject({
    rules: [{ source_ips: ["192.0.2.1/32"] }],
  });
});
