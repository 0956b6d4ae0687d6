import * as pulumi from "@pulumi/pulumi";
import type { TailscaleApi } from "../../../clients/tailscale/api.ts";
import { checkedNames, TailnetDevices, tailnetDevices } from "../../../components/tailnet/names.ts";
import { loadInventory } from "../../../inventory/load.ts";
import { planFor } from "../../../inventory/plan.ts";
import { record, resolved } from "../mocks.ts";

const plan = planFor(loadInventory("sandbox/nix/fleet.toml"), "sandbox");

const device = (label: string, tag: string | undefined, connectedToControl: boolean) => ({
  nodeId: `n${label.replaceAll("-", "")}CNTRL`,
  name: `${label}.tail0000.ts.net`,
  hostname: label.replace(/-\d+$/, ""),
  ...(tag !== undefined && { tags: [tag] }),
  user: "ada@example.test",
  connectedToControl,
});
const stale = [device("web", "tag:host-web", false), device("web-1", "tag:host-web", true)];
const foreign = [device("db", undefined, true), device("db-1", "tag:host-db", true)];
const own = device("legacy", "tag:host-legacy", true);

let calls: string[] = [];
let logged: string[] = [];
beforeEach(() => {
  calls = [];
  logged = [];
  for (const level of ["info", "warn"] as const) {
    jest.spyOn(pulumi.log, level).mockImplementation(async (...[text]) => {
      logged.push(`${level}: ${text}`);
    });
  }
});
afterEach(() => jest.restoreAllMocks());

interface Run {
  readonly preview?: boolean;
  readonly failing?: RegExp;
  readonly nodeIds?: Readonly<Record<string, string>>;
  /** A machine that does not exist yet has no node id. */
  readonly unknown?: string;
}

async function run(
  devices: readonly object[],
  { preview = false, failing, nodeIds = {}, unknown }: Run = {},
) {
  const request = async (method: string, path: string, body?: { name?: string }) => {
    const call = `${method} ${path}${body?.name === undefined ? "" : ` ${body.name}`}`;
    calls.push(call);
    if (failing?.test(call)) throw new Error("Tailscale: HTTP 403");
    return method === "GET" ? { devices } : undefined;
  };
  const { result } = await record(
    () => {
      const found = new TailnetDevices({ request } as unknown as TailscaleApi, plan);
      // Of a resource that is made in this run: unknown in a preview.
      class Made extends pulumi.CustomResource {}
      const { id: madeId } = new Made("test:index:Made", "made");
      const hosts = plan.hosts.map(({ name: host }) => ({
        host,
        nodeId: host === unknown ? madeId : pulumi.output(nodeIds[host]),
        ended: pulumi.output("ended"),
      }));
      return { names: found.names(), checked: checkedNames(found, hosts) };
    },
    { preview },
  );
  const checked = await resolved(result.checked);
  // The warnings of a preview belong to no resource.
  await new Promise((resume) => setImmediate(resume));
  return { start: await result.names, ...checked };
}
const changes = () => calls.filter((call) => !call.startsWith("GET"));

test("a preview names each host that lacks its name, and changes nothing", async () => {
  const { names, problems } = await run([...stale, ...foreign, own], { preview: true });
  expect(logged).toEqual([
    expect.stringMatching(
      /^warn: db: in the tailnet it is db-1\.tail0000\.ts\.net, because its name belongs to device ndbCNTRL/,
    ),
    expect.stringMatching(/^warn: web: in the tailnet it is web-1\.tail0000\.ts\.net: up renames /),
  ]);
  expect(names).toEqual({
    db: "db-1.tail0000.ts.net",
    legacy: "legacy.tail0000.ts.net",
    web: "web-1.tail0000.ts.net",
  });
  expect(problems).toEqual([]);
  expect(calls).toEqual(["GET /tailnet/-/devices"]);
});

test("an up deploys to the names of its start, then gives each host its own name; a stranger fails the verdict", async () => {
  const { start, names, problems } = await run([...stale, ...foreign, own]);
  expect(start).toMatchObject({ web: "web-1.tail0000.ts.net" });
  expect(changes()).toEqual(["DELETE /device/nwebCNTRL", "POST /device/nweb1CNTRL/name web"]);
  expect(names).toEqual({
    db: "db-1.tail0000.ts.net",
    legacy: "legacy.tail0000.ts.net",
    web: "web.tail0000.ts.net",
  });
  expect(problems).toEqual([expect.stringMatching(/^db: in the tailnet it is db-1.*run up again$/)]);
  expect(logged).toEqual([expect.stringMatching(/^info: web: .*: done$/)]);
});

test("a host whose machine is made in this run: a preview names who has its name", async () => {
  await run([device("web", undefined, true)], { preview: true, unknown: "web" });
  expect(logged).toEqual([
    expect.stringMatching(
      /^warn: web: in the tailnet its name belongs to device nwebCNTRL.*or the host joins as web-1$/,
    ),
  ]);
});

test("the node id that a machine reports decides which device it is", async () => {
  const { names } = await run([device("web", undefined, true)], { nodeIds: { web: "nwebCNTRL" } });
  expect(names).toEqual({ web: "web.tail0000.ts.net" });
  expect(logged).toEqual([]);
});

test("a change that the vendor refuses is a warning, and the outputs keep the real name", async () => {
  const { names, problems } = await run(stale, { failing: /DELETE/ });
  expect(names).toEqual({ web: "web-1.tail0000.ts.net" });
  expect(problems).toEqual([]);
  expect(logged).toEqual([expect.stringMatching(/^warn: web: in the tailnet it is web-1.*HTTP 403$/)]);
});

test("a vendor that does not answer is a warning, and nothing is known or changed", async () => {
  const { start, names, problems } = await run(stale, { failing: /GET/ });
  expect([start, names, problems, changes()]).toEqual([{}, {}, [], []]);
  expect(logged[0]).toMatch(
    /^warn: Tailscale does not answer, so the names of devices are not checked: .*403/,
  );
});

test("text of a stranger's device cannot control the terminal", async () => {
  const evil = { ...device("web", undefined, true), user: "a\u001b[2Jb\n::error::x" };
  await run([evil, device("web-1", "tag:host-web", true)], { preview: true });
  expect(logged).toHaveLength(1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is searched for.
  expect(logged[0]).not.toMatch(/[\u0000-\u001f]/);
});

test("without a tailnet, or without credentials, nothing is asked", () => {
  const { tailnet: _, ...rest } = plan.inventory;
  expect(tailnetDevices({ ...plan, inventory: rest } as typeof plan)).toBeUndefined();
  const names = ["TAILSCALE_API_KEY", "TAILSCALE_OAUTH_CLIENT_ID"];
  const before = names.map((name) => process.env[name]);
  for (const name of names) delete process.env[name];
  expect(tailnetDevices(plan)).toBeUndefined();
  names.forEach((name, at) => {
    if (before[at] !== undefined) process.env[name] = before[at];
  });
});
