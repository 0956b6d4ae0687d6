import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HetznerApi } from "../../../clients/hetzner/api.ts";
import {
  addSshRule,
  removeSshRule,
  sshRuleFirewall,
  sshRuleSelector,
  type TemporarySshRule,
} from "../../../clients/hetzner/temporary-ssh-rule.ts";
import { hetznerApp } from "../../../sandbox/vendors/hetzner/app.ts";
import { openProject, type Project } from "../../../sandbox/vendors/hetzner/project.ts";
import { emptyState } from "../../../sandbox/vendors/hetzner/state.ts";
import { MemoryCompute } from "../../../sandbox/vendors/memory-compute.ts";
import { Store } from "../../../sandbox/vendors/store.ts";

const directory = mkdtempSync(join(tmpdir(), "temporary-ssh-rule-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** Answers that replace the emulated vendor's, in turn; undefined lets the request through. */
let instead: ((method: string, path: string) => Response | Error | undefined)[];
let calls: string[];
let project: Project;
let api: HetznerApi;
let number = 0;
/** The vendor carries out the next request, and its answer is lost. */
let lost = false;

beforeEach(async () => {
  const compute = new MemoryCompute();
  const store = new Store(join(directory, `${number++}.json`), emptyState);
  project = openProject({ store, compute, token: "project-token", log: () => {} });
  const app = hetznerApp(project, false);
  [calls, instead] = [[], []];
  api = new HetznerApi({
    endpoint: "http://api.example.test/v1",
    token: "project-token",
    sleep: () => new Promise((resume) => setImmediate(resume)),
    fetch: async (url, init) => {
      const path = String(url).replace("http://api.example.test", "");
      calls.push(`${init?.method} ${path}`);
      const answer = instead.shift()?.(init?.method ?? "", path);
      if (answer instanceof Error) throw answer;
      const response = answer ?? (await app.request(path, init));
      if (!lost) return response;
      lost = false;
      throw new Error("connection reset");
    },
  });
  await make("web");
  calls = [];
});

afterEach(async () => {
  await project.actions.idle();
  await new Promise((resume) => setImmediate(resume));
});

async function make(name: string): Promise<void> {
  const body = { name, server_type: "cx23", image: "debian-13", location: "fsn1" };
  await api.waitForActions(await api.request("POST", "/servers", body));
}
const server = (name: string) => {
  const found = Object.values(project.state.servers).find((each) => each.name === name);
  if (found === undefined) throw new Error(`no server ${name}`);
  return found;
};
const rule = (more: Partial<TemporarySshRule> = {}): TemporarySshRule => ({
  stack: "test",
  host: "web",
  server: server("web").id,
  ports: [22],
  sources: ["198.51.100.1/32"],
  ...more,
});
const firewalls = () => Object.values(project.state.firewalls);

test("the rule opens sshd before and after the installation", async () => {
  await addSshRule(api, rule({ ports: [22, 2222, 22] }));
  expect(firewalls()).toMatchObject([{ rules: [{ port: "22" }, { port: "2222" }] }]);
});

test("adding the rule creates one firewall for the server; removing it deletes the firewall", async () => {
  await addSshRule(api, rule());
  expect(firewalls()).toMatchObject([
    {
      name: "test-web-install-door",
      labels: { "managed-by": "pantheros", purpose: "install-door", stack: "test", host: "web" },
      rules: [{ direction: "in", protocol: "tcp", port: "22", source_ips: ["198.51.100.1/32"] }],
      servers: [server("web").id],
    },
  ]);
  await removeSshRule(api, rule());
  expect(firewalls()).toEqual([]);
});

test("the rule of a killed run is removed; other hosts' rules and other firewalls stay", async () => {
  await make("db");
  await api.createFirewall({
    name: "web",
    labels: { "managed-by": "pantheros", stack: "test", host: "web" },
  });
  await addSshRule(api, rule({ host: "db", server: server("db").id }));
  await addSshRule(api, rule({ sources: ["192.0.2.0/24"] }));
  await addSshRule(api, rule());
  expect(firewalls().map(({ name }) => name)).toEqual([
    "web",
    "test-db-install-door",
    "test-web-install-door",
  ]);
  expect(firewalls().at(-1)?.rules).toMatchObject([{ source_ips: ["198.51.100.1/32"] }]);
  await removeSshRule(api, rule());
  expect(firewalls().map(({ name }) => name)).toEqual(["web", "test-db-install-door"]);
});

test("the rule of a server that was deleted meanwhile is removed", async () => {
  const own = rule();
  await addSshRule(api, own);
  await api.waitForActions(await api.request("DELETE", `/servers/${server("web").id}`));
  await removeSshRule(api, own);
  expect(firewalls()).toEqual([]);
});

test("a request is repeated after a network failure, a 5xx and a 429; a refusal is thrown at once", async () => {
  instead = [
    () => new Error("socket hang up"),
    () => new Response("", { status: 502 }),
    () => Response.json({ error: { code: "rate_limit_exceeded", message: "slowly" } }, { status: 429 }),
  ];
  await addSshRule(api, rule());
  expect(firewalls()).toHaveLength(1);
  await removeSshRule(api, rule());
  instead = [
    () => undefined,
    () => Response.json({ error: { code: "forbidden", message: "read-only token" } }, { status: 403 }),
  ];
  await expect(addSshRule(api, rule())).rejects.toThrow(
    "POST /firewalls: read-only token (forbidden, HTTP 403)",
  );
  instead = Array.from({ length: 4 }, () => () => new Error("no route"));
  await expect(removeSshRule(api, rule())).rejects.toThrow("no route");
});

test("a lost answer: the second attempt replaces the firewall of the first", async () => {
  instead = [() => undefined]; // the list of earlier rules
  instead.push(() => {
    lost = true;
    return undefined;
  });
  await addSshRule(api, rule());
  expect(firewalls()).toHaveLength(1);
  expect(calls.filter((call) => call === "POST /v1/firewalls")).toHaveLength(3);
});

test("reads a server's power, and rebuilds its disk", async () => {
  const { id } = server("web");
  expect(await api.serverStatus(id)).toBe("running");
  await api.waitForActions(await api.request("POST", `/servers/${id}/actions/poweroff`));
  expect(await api.serverStatus(id)).toBe("off");
  expect(await api.serverStatus(4711)).toBeUndefined();
  await api.rebuild(id, "debian-13");
  expect(await api.serverStatus(id)).toBe("running");
});

test("the selector and the body are plain data", () => {
  expect(sshRuleSelector({ stack: "test", host: "web" })).toBe(
    "managed-by=pantheros,purpose=install-door,stack=test,host=web",
  );
  expect(sshRuleFirewall(rule({ sources: ["192.0.2.1/32", "192.0.2.1/32"] }))).toMatchObject({
    rules: [{ source_ips: ["192.0.2.1/32"] }],
  });
});
