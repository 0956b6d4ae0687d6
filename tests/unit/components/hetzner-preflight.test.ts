import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HetznerApi, type Server, type ServerType } from "../../../clients/hetzner/api.ts";
import { VendorError } from "../../../clients/vendor-api.ts";
import type { HostPower } from "../../../components/nixos-host/power.ts";
import { parseInventory } from "../../../inventory/load.ts";
import { type Plan, planFor } from "../../../inventory/plan.ts";
import { isHetzner } from "../../../providers/hetzner/host.ts";
import { powerOf, restorePower } from "../../../providers/hetzner/power.ts";
import { fetchVendorView, preflightFindings, type VendorView } from "../../../providers/hetzner/preflight.ts";
import { hetznerApp } from "../../../sandbox/vendors/hetzner/app.ts";
import { openProject, type Project } from "../../../sandbox/vendors/hetzner/project.ts";
import { emptyState } from "../../../sandbox/vendors/hetzner/state.ts";
import { MemoryCompute } from "../../../sandbox/vendors/memory-compute.ts";
import { Store } from "../../../sandbox/vendors/store.ts";

const directory = mkdtempSync(join(tmpdir(), "hetzner-preflight-"));
afterAll(() => rmSync(directory, { recursive: true }));

const text = readFileSync("sandbox/nix/fleet.toml", "utf8");
function planOf(...edits: [string, string][]): Plan {
  let edited = text;
  for (const [from, to] of edits) {
    expect(edited).toContain(from);
    edited = edited.replace(from, to);
  }
  return planFor(parseInventory(edited, "fleet.toml"), "sandbox");
}
const webType = (type: string): [string, string] => [
  'location = "fsn1", server_type = "cx23"',
  `location = "fsn1", server_type = "${type}"`,
];
const webSystem: [string, string] = ["[hosts.web]\n", '[hosts.web]\nsystem = "aarch64-linux"\n'];

let project: Project;
let api: HetznerApi;
let number = 0;

beforeEach(() => {
  const store = new Store(join(directory, `${number++}.json`), emptyState);
  project = openProject({ store, compute: new MemoryCompute(), token: "token", log: () => {} });
  const app = hetznerApp(project, false);
  api = new HetznerApi({
    endpoint: "http://api.example.test/v1",
    token: "token",
    sleep: () => new Promise((resume) => setImmediate(resume)),
    fetch: async (url, init) => app.request(String(url).replace("http://api.example.test", ""), init),
  });
});

afterEach(() => project.actions.idle());

/** Creates a server as the program does. */
async function make(host: string, more: Record<string, unknown> = {}): Promise<void> {
  const labels = { "managed-by": "pantheros", stack: "sandbox", host };
  const body = { name: host, server_type: "cx23", image: "debian-13", location: "fsn1", labels, ...more };
  await api.waitForActions(await api.request("POST", "/servers", body));
}
const view = (plan: Plan): Promise<VendorView> =>
  fetchVendorView(api, "sandbox", plan.hosts.filter(isHetzner));
const findings = async (plan: Plan) => preflightFindings(await view(plan), plan, Date.now());
const problems = async (...edits: [string, string][]) => (await findings(planOf(...edits))).problems;

describe("checks before any change", () => {
  test("possible changes are no problem: new servers, and a larger and a smaller type with the same disk", async () => {
    expect(await findings(planOf())).toEqual({ problems: [], warnings: [], held: new Map() });
    await make("web", { server_type: "cx33" });
    expect(await problems()).toEqual([
      expect.stringMatching(
        /^hosts\.web\.provider\.server_type: the disk of a cx23 has 40 GB, the server's has 80 GB/,
      ),
    ]);
    await api.waitForActions(
      await api.request("DELETE", `/servers/${(await view(planOf())).servers.get("web")?.id}`),
    );
    await make("web");
    expect(await problems(webType("cx33"))).toEqual([]);
    expect(await problems(webType("cpx11"))).toEqual([]);
  });

  test("an unknown type is refused, with the existing ones", async () => {
    expect(await problems(webType("cx99"))).toEqual([
      expect.stringMatching(
        /^hosts\.web\.provider\.server_type: Hetzner Cloud has no server type "cx99"; choose another: ccx13, .* and \d+ more$/,
      ),
    ]);
    expect(await problems(webType("cx24"))).toEqual([
      expect.stringContaining('has no server type "cx24"; did you mean "cx22"; choose another: ccx13, '),
    ]);
  });

  test("an unknown location is refused for a new server, with the existing ones", async () => {
    const elsewhere: [string, string] = ['location = "fsn1"', 'location = "fsn2"'];
    expect(await problems(elsewhere)).toEqual([
      'hosts.web.provider.location: Hetzner Cloud: unknown location "fsn2"; did you mean "fsn1"? Locations are ash, fsn1, hel1, hil, nbg1, sin',
    ]);
    await make("web");
    expect(await problems(elsewhere)).toEqual([]);
  });

  test("a different architecture is refused for an existing server", async () => {
    await make("web");
    expect(await problems(webType("cax11"), webSystem)).toEqual([
      expect.stringMatching(
        /^hosts\.web\.provider\.server_type: the server is a cx23 \(x86\) and can't become a cax11 \(arm\); choose another: .*add a host of another name/,
      ),
    ]);
    // With the type unchanged, the machine still cannot run the system that would be built.
    const plan = planOf(webType("cax11"), webSystem);
    const web = plan.hosts.find(({ name }) => name === "web");
    if (web === undefined || !isHetzner(web)) throw new Error("web is created");
    const same = { ...web, provider: { ...web.provider, serverType: "cx23" } };
    const other: Plan = { ...plan, hosts: plan.hosts.map((host) => (host === web ? same : host)) };
    expect((await findings(other)).problems).toEqual([
      'hosts.web.system: "aarch64-linux" can\'t run on the server, which has an x86 processor; set system = "x86_64-linux"',
    ]);
  });

  test("a type is checked in the server's location, not in the inventory's", async () => {
    await make("web", { server_type: "cpx22", location: "ash" });
    expect(await problems(webType("cx53"))).toEqual([
      expect.stringMatching(
        /^hosts\.web\.provider\.server_type: a cx53 is not sold in ash; choose another: /,
      ),
    ]);
  });

  test("a missing image is refused for a new server only", async () => {
    const gone: [string, string] = [
      'server_type = "cx23", image = "debian-13"',
      'server_type = "cx23", image = "debian-7"',
    ];
    expect(await problems(gone)).toEqual([
      'hosts.web.provider.image: Hetzner Cloud has no image "debian-7" for x86; name another, such as "debian-13"',
    ]);
    await make("web");
    expect(await problems(gone)).toEqual([]);
    const again: [string, string] = [
      'image = "debian-7"',
      `image = "debian-7", reinstall = "${"a".repeat(32)}"`,
    ];
    expect(await problems(gone, again)).toHaveLength(1);
  });

  test("an adopted host with the IPv4 or IPv6 address of one of the stack's servers is refused", async () => {
    await make("web");
    const net = (await view(planOf())).servers.get("web")?.public_net;
    const six = (net?.ipv6?.ip ?? "").replace("::/64", ":0:0:0:1").toUpperCase();
    const adopted = (address: string): [string, string] => [
      'address = "198.51.100.20"',
      `address = "${address}"`,
    ];
    for (const address of [net?.ipv4?.ip ?? "", six]) {
      expect(await problems(adopted(address))).toEqual([
        `hosts.legacy.provider.address: ${address} is the address of the server of hosts.web; one machine is one host: ` +
          "remove one of the two tables (to rename a host, set `formerly`)",
      ]);
    }
  });

  test("the server of a renamed host is found by its former name", async () => {
    await make("old");
    const renamed: [string, string] = ["[hosts.web]\n", '[hosts.web]\nformerly = "old"\n'];
    expect(await problems(webType("cx99"), renamed)).toHaveLength(1);
    expect(await problems(renamed, ['image = "debian-13"', 'image = "debian-7"'])).toEqual([]);
  });
});

describe("availability of types", () => {
  const type = (name: string, more: Partial<ServerType> = {}): ServerType => ({
    name,
    architecture: "x86",
    disk: 40,
    deprecation: null,
    locations: ["fsn1", "nbg1"].map((place) => ({ name: place, available: true, deprecation: null })),
    ...more,
  });
  const over = { announced: "2026-01-01T00:00:00+00:00", unavailable_after: "2026-04-01T00:00:00+00:00" };
  const now = Date.parse("2026-05-01T00:00:00Z");
  const server = (host: string): Server => ({
    id: 1,
    name: host,
    status: "running",
    labels: { host },
    primary_disk_size: 40,
    server_type: { name: "cx23", architecture: "x86" },
    location: { name: "fsn1" },
    public_net: {},
  });
  const withTypes = (...types: ServerType[]): VendorView => ({
    servers: new Map(["web", "db"].map((host) => [host, server(host)])),
    types: new Map(types.map((each) => [each.name, each])),
    missingImages: new Set(),
  });
  const soldOut = type("cx33", { locations: [{ name: "fsn1", available: false, deprecation: null }] });

  test("an unchanged type is no problem, even if it is no longer sold", () => {
    expect(preflightFindings(withTypes(type("cx23", { deprecation: over })), planOf(), now).problems).toEqual(
      [],
    );
  });

  test.each([
    ["everywhere", type("cx33", { deprecation: over })],
    ["in the location", type("cx33", { locations: [{ name: "fsn1", available: true, deprecation: over }] })],
    ["elsewhere only", type("cx33", { locations: [{ name: "hel1", available: true, deprecation: null }] })],
  ])("a type that is not sold is refused: %s", (_, gone) => {
    const { problems: found } = preflightFindings(
      withTypes(type("cx23"), gone),
      planOf(webType("cx33")),
      now,
    );
    expect(found).toEqual([
      "hosts.web.provider.server_type: a cx33 is not sold in fsn1; choose another: cx23",
    ]);
    const before = Date.parse("2026-03-01T00:00:00Z");
    const then = preflightFindings(withTypes(type("cx23"), gone), planOf(webType("cx33")), before);
    expect(then.problems).toHaveLength(_ === "elsewhere only" ? 1 : 0);
  });

  test("a type that is sold out leaves the server unchanged, and stops no other host", () => {
    const found = preflightFindings(withTypes(type("cx23"), soldOut), planOf(webType("cx33")), now);
    expect([found.problems, found.warnings]).toEqual([[], []]);
    expect([...found.held]).toEqual([
      [
        "web",
        "cx33 is sold out in fsn1 now: the server stays a cx23 and keeps running; run up again later, or choose another: cx23",
      ],
    ]);
    const made = { ...withTypes(type("cx23"), soldOut), servers: new Map([["db", server("db")]]) };
    expect(preflightFindings(made, planOf(webType("cx33")), now)).toMatchObject({
      problems: [],
      warnings: [
        expect.stringMatching(
          /^hosts\.web\.provider\.server_type: cx33 is sold out in fsn1 now: the server can't be created now/,
        ),
      ],
    });
  });

  test("a type without a list of locations is no problem", () => {
    const { locations: _, ...silent } = type("cx33");
    expect(preflightFindings(withTypes(type("cx23"), silent), planOf(webType("cx33")), now).problems).toEqual(
      [],
    );
  });
});

describe("power", () => {
  const [web] = planOf()
    .hosts.filter(isHetzner)
    .filter(({ name }) => name === "web");
  const messages: string[] = [];
  const report = (message: string) => void messages.push(message);
  const power = async (more: Partial<Parameters<typeof powerOf>[0]> = {}): Promise<HostPower | undefined> => {
    const server = (await view(planOf())).servers.get("web");
    if (web === undefined || server === undefined) throw new Error("no server");
    return powerOf({ host: web, server, resized: false, preview: false, api, report, ...more });
  };
  const status = async () => (await view(planOf())).servers.get("web")?.status;
  const off = async () => {
    await make("web");
    const id = (await view(planOf())).servers.get("web")?.id;
    await api.waitForActions(await api.request("POST", `/servers/${id}/actions/poweroff`));
    expect(await status()).toBe("off");
  };
  beforeEach(() => {
    messages.length = 0;
  });

  test("a server that is on is left alone", async () => {
    await make("web");
    expect(await power()).toBeUndefined();
    expect(await power({ preview: true, resized: true })).toBeUndefined();
  });

  test("a server that is off: a preview reports it, and up powers it on", async () => {
    await off();
    expect(await power({ preview: true })).toMatchObject({
      is: "off",
      reason: "the server is off at Hetzner Cloud",
      hint: expect.stringMatching(/^`up` powers it on; to keep it off: /),
    });
    expect(await status()).toBe("off");
    expect(await power()).toEqual({ is: "starting" });
    expect(await status()).toBe("running");
    expect(messages).toEqual([
      expect.stringMatching(/^web: the server was off at Hetzner Cloud and was powered on/),
    ]);
  });

  test("a server that a resize starts is not powered on, but its start is waited for", async () => {
    await off();
    expect(await power({ resized: true })).toEqual({ is: "starting" });
    expect(await status()).toBe("off");
  });

  test("a best-effort host's server stays off", async () => {
    await off();
    const host = { ...(web as NonNullable<typeof web>), reachability: "best-effort" as const };
    expect(await power({ host })).toMatchObject({
      is: "off",
      hint: expect.stringContaining("hcloud server poweron web"),
    });
    expect(await status()).toBe("off");
  });

  test("with a read-only token, the reason has the vendor's refusal", async () => {
    await off();
    const powerOn = () => {
      throw new VendorError(
        "POST /servers/1/actions/poweron: insufficient permissions (forbidden, HTTP 403)",
      );
    };
    expect(await power({ api: { powerOn } })).toMatchObject({
      is: "off",
      reason: expect.stringMatching(
        /^the server is off at Hetzner Cloud, and could not be powered on: .*forbidden/,
      ),
      hint: expect.stringContaining("Read & Write"),
    });
  });

  test("after a failed change a server is powered on again if it was on before", async () => {
    await off();
    const server = (await view(planOf())).servers.get("web") as Server;
    await restorePower(server, api, report);
    expect([await status(), messages]).toEqual(["off", []]);
    await restorePower({ ...server, status: "running" }, api, report);
    expect(await status()).toBe("running");
    expect(messages).toEqual([
      expect.stringMatching(/^web: the change failed and left the server off; it was powered on again/),
    ]);
    await restorePower({ ...server, status: "running" }, api, report);
    expect(messages).toHaveLength(1);
  });

  test("if the power cannot be restored, that is reported, and the change's own error is not hidden", async () => {
    const silent = {
      serverStatus: () => Promise.reject(new Error("no answer")),
      powerOn: () => Promise.resolve(),
    };
    await restorePower({ id: 1, name: "web", status: "running" }, silent, report);
    expect(messages).toEqual([
      expect.stringMatching(/^web: the change failed, .*\(no answer\).*hcloud server poweron web$/),
    ]);
  });
});
