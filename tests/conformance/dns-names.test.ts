import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Hono } from "hono";
import { type Listener, listen } from "../../sandbox/vendors/http.ts";
import { Vendors } from "./vendors.ts";

// DNS names that move between hosts, created by the real engine at the emulated Cloudflare from an
// inventory of existing machines. A proxy between the two refuses a request or withholds its answer.

const root = process.cwd();
const PROGRAM = `
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { dnsRecordsFor } from "${root}/components/dns/mapping.ts";
import { Zone } from "${root}/components/dns/zone.ts";
import { readExistingRecords } from "${root}/components/fleet/existing-records.ts";
import { loadProviders } from "${root}/components/fleet/providers.ts";
import { parseInventory } from "${root}/inventory/load.ts";
import { planFor } from "${root}/inventory/plan.ts";
const plan = planFor(parseInventory(readFileSync("fleet.toml", "utf8"), "fleet.toml"), "production");
const settings = { stack: pulumi.getStack(), fleetFile: "fleet.toml", knownHostsFile: "known_hosts", addresses: {} };
const existing = await readExistingRecords(plan, settings, await loadProviders(plan));
const addresses = Object.fromEntries(plan.hosts.map(({ name, provider }) => [name, { ipv4: provider.address, ipv6: provider.ipv6, hostKey: provider.hostKey }]));
new Zone("zone", { zone: plan.inventory.dns.zone, records: dnsRecordsFor(plan, addresses), existing });
`;

/** A host key per machine. RFC 8709, section 4: the name, then 32 bytes, each after its length. */
const hostKey = (byte: number): string => {
  const name = "ssh-ed25519";
  const parts = [Buffer.from([0, 0, 0, name.length]), Buffer.from(name), Buffer.from([0, 0, 0, 32])];
  return `${name} ${Buffer.concat([...parts, Buffer.alloc(32, byte)]).toString("base64")}`;
};
const host = (name: string, last: number, more = "") => `
[hosts.${name}]
environment = "production"
profiles = ["server"]
provider = { kind = "existing", vendor = "ovh", address = "203.0.113.${last}", ipv6 = "2001:db8::${last}", host_key = "${hostKey(last)}" }
${more}
`;
const txt = (name: string, content: string) =>
  `[[dns.records]]\nname = "${name}"\ntype = "TXT"\ncontent = '${content}'\n`;
const fleet = (hosts: string, records: string) => `
schema = 1
[fleet]
domain = "example.test"
[environments.production]
owns_singletons = true
${hosts}
[dns]
zone = "example.test"
${records}
`;
const LONG = `v=DKIM1; k=rsa; p=${"A".repeat(400)}`;
const TEXTS = txt("@", "one") + txt("@", "two") + txt("_key", LONG);
const BASE = fleet(host("db", 10) + host("web", 20), TEXTS);
const RENAMED = fleet(host("data", 10, 'formerly = "db"\naliases = ["db"]') + host("web", 20), TEXTS);
const MOVED = fleet(host("web", 20, 'aliases = ["db"]'), TEXTS);

interface Row {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly content: string;
}
interface Finished {
  readonly code: number | null;
  readonly output: string;
}

/** The fault of a changing request. */
type Fault = (method: string, body: string) => "refuse" | "lose the answer" | "pass";

let vendors: Vendors;
let proxy: Listener;
let fault: Fault = () => "pass";
let scratch = "";
let zonePath = "";
let env: NodeJS.ProcessEnv;

/** Forwards all requests except those with a fault. */
function faultyVendor(): Hono {
  const app = new Hono();
  app.all("*", async (context) => {
    const { method, url, headers } = context.req.raw;
    const { pathname, search } = new URL(url);
    const body = await context.req.text();
    const verdict = method === "GET" ? "pass" : fault(method, body);
    const refusal = (code: number) =>
      context.json(
        { result: null, success: false, messages: [], errors: [{ code, message: "as the test says" }] },
        400,
      );
    if (verdict === "refuse") return refusal(9999);
    const answer = await fetch(`${vendors.url("cloudflare")}${pathname}${search}`, {
      method,
      headers: { authorization: headers.get("authorization") ?? "", "content-type": "application/json" },
      ...(body !== "" && { body }),
    });
    if (verdict === "lose the answer") return refusal(9998);
    return new Response(await answer.text(), {
      status: answer.status,
      headers: { "content-type": "application/json" },
    });
  });
  return app;
}

function pulumi(...args: string[]): Promise<Finished> {
  return new Promise((done, fail) => {
    const argv = ["pulumi", ...args, "--non-interactive", "--color", "never"];
    const child = spawn(path.join(root, "tools/with"), argv, { cwd: scratch, env, timeout: 120_000 });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => (output += String(chunk)));
    child.on("error", fail);
    child.on("close", (code) => done({ code, output }));
  });
}
async function expectDone(finished: Promise<Finished>): Promise<string> {
  const { code, output } = await finished;
  if (code !== 0) throw new Error(`exit code ${code}\n${output}`);
  return output;
}
const inventory = (text: string) => writeFileSync(path.join(scratch, "fleet.toml"), text);
const up = () => pulumi("up", "--yes", "--skip-preview", "--stack", "dev");
const expectQuiet = () => expectDone(pulumi("preview", "--stack", "dev", "--expect-no-changes"));

async function vendor(method: string, route = "", body?: object): Promise<unknown> {
  const answer = await fetch(`${vendors.url("cloudflare")}${zonePath}/dns_records${route}`, {
    method,
    headers: { authorization: `Bearer ${env["CLOUDFLARE_API_TOKEN"]}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const { result, errors } = (await answer.json()) as { result: unknown; errors: unknown };
  if (!answer.ok) throw new Error(`${method} ${route}: ${JSON.stringify(errors)}`);
  return result;
}
const zone = async (): Promise<Row[]> => (await vendor("GET")) as Row[];
const lines = async (name: string): Promise<string[]> =>
  (await zone())
    .filter((row) => row.name === name)
    .map(({ type, content }) => `${type} ${content}`)
    .sort();

beforeAll(async () => {
  vendors = await Vendors.start("cloudflare");
  proxy = await listen(faultyVendor(), "127.0.0.1", 0);
  scratch = mkdtempSync(path.join(tmpdir(), "pantheros-dns-"));
  mkdirSync(path.join(scratch, "state"));
  symlinkSync(path.join(root, "node_modules"), path.join(scratch, "node_modules"));
  const file = (name: string, content: string) => writeFileSync(path.join(scratch, name), content);
  file("package.json", '{"name":"names","type":"module"}');
  file("index.ts", PROGRAM);
  file("known_hosts", "");
  file("Pulumi.yaml", "name: names\nmain: index.ts\nruntime: {name: nodejs, options: {typescript: false}}\n");
  file("Pulumi.dev.yaml", `config:\n  cloudflare:baseUrl: ${proxy.url}/client/v4\n`);
  env = {
    ...process.env,
    PANTHEROS_PULUMI: "registry",
    PULUMI_BACKEND_URL: `file://${scratch}/state`,
    PULUMI_CONFIG_PASSPHRASE: "test",
    CLOUDFLARE_API_TOKEN: vendors.secret("CLOUDFLARE_API_TOKEN"),
  };
  const zones = await fetch(`${vendors.url("cloudflare")}/client/v4/zones?name=example.test`, {
    headers: { authorization: `Bearer ${env["CLOUDFLARE_API_TOKEN"]}` },
  });
  const { result } = (await zones.json()) as { result: { id: string }[] };
  zonePath = `/client/v4/zones/${result[0]?.id}`;
  inventory(BASE);
  await expectDone(pulumi("stack", "init", "dev"));
  await expectDone(up());
}, 240_000);

afterAll(async () => {
  await proxy?.close();
  await vendors?.stop();
  rmSync(scratch, { recursive: true, force: true });
}, 60_000);

jest.setTimeout(240_000);

test("long text has no difference in a preview or a refresh", async () => {
  const [text = ""] = await lines("_key.example.test");
  expect(text).toBe(`TXT "${LONG.slice(0, 255)}" "${LONG.slice(255)}"`);
  await expectQuiet();
  await expectDone(pulumi("refresh", "--yes", "--stack", "dev", "--expect-no-changes"));
});

test("when the first of two texts is removed, the second keeps its record", async () => {
  const two = (await zone()).find(({ content }) => content === '"two"');
  inventory(fleet(host("db", 10) + host("web", 20), txt("@", "two") + txt("_key", LONG)));
  await expectDone(up());
  expect(await lines("example.test")).toEqual(['TXT "two"']);
  expect((await zone()).find(({ content }) => content === '"two"')?.id).toBe(two?.id);
  await expectQuiet();
  inventory(BASE);
  await expectDone(up());
});

test("records that the state names by position are renamed by content, whatever their order", async () => {
  const file = path.join(scratch, "state/.pulumi/stacks/names/dev.json");
  const state = readFileSync(file, "utf8");
  const keys = [...new Set(state.match(/zone-example\.test-txt-[0-9a-f]{10}/g))];
  expect(keys).toHaveLength(2);
  const byPlace = keys.reduce(
    (text, key, i) => text.replaceAll(key, `zone-example.test-txt${i === 0 ? "" : "-2"}`),
    state,
  );
  writeFileSync(file, byPlace);
  inventory(fleet(host("db", 10) + host("web", 20), txt("@", "two") + txt("@", "one") + txt("_key", LONG)));
  await expectQuiet();
  const before = (await zone()).map(({ id }) => id).sort();
  await expectDone(up());
  expect((await zone()).map(({ id }) => id).sort()).toEqual(before);
  inventory(BASE);
  await expectQuiet();
});

describe("an alias with a former host's name", () => {
  /** Gives the n-th request of a method the `verdict`. */
  const nth = (wanted: string, n: number, verdict: ReturnType<Fault>): Fault => {
    let count = 0;
    return (method) => {
      if (method !== wanted) return "pass";
      count += 1;
      return count === n ? verdict : "pass";
    };
  };
  const alias = (verdict: ReturnType<Fault>): Fault => {
    let done = false;
    return (method, body) => {
      if (done || method !== "POST" || !body.includes('"CNAME"')) return "pass";
      done = true;
      return verdict;
    };
  };

  afterEach(async () => {
    fault = () => "pass";
    inventory(BASE);
    await expectDone(up());
    expect(await lines("db.example.test")).toEqual([
      "A 203.0.113.10",
      "AAAA 2001:db8::10",
      expect.stringMatching(/^SSHFP 4 2 /),
    ]);
  });

  test("the host was renamed: after one run no record has the old addresses", async () => {
    inventory(RENAMED);
    const seen: string[] = [];
    fault = (method, body) => {
      seen.push(method === "POST" ? `POST ${JSON.parse(body).type} ${JSON.parse(body).name}` : method);
      return "pass";
    };
    await expectDone(up());
    expect(await lines("db.example.test")).toEqual(["CNAME data.example.test"]);
    // The old records are deleted after the target exists, directly before the alias is created. The target's SSHFP
    // may be created at any time.
    const order = seen.filter((request) => request !== "POST SSHFP data.example.test");
    const last = order.indexOf("POST CNAME db.example.test");
    expect(order.slice(0, last)).toEqual(
      expect.arrayContaining(["POST A data.example.test", "POST AAAA data.example.test"]),
    );
    expect(order.slice(last - 3, last)).toEqual(["DELETE", "DELETE", "DELETE"]);
    await expectQuiet();
  });

  test("the host was removed, and a different host has the alias", async () => {
    inventory(MOVED);
    await expectDone(up());
    expect(await lines("db.example.test")).toEqual(["CNAME web.example.test"]);
    await expectQuiet();
  });

  test.each([
    ["the first deletion is refused", () => nth("DELETE", 1, "refuse")],
    // That of the address itself; the other records are deleted by then.
    ["the last deletion is refused", () => nth("DELETE", 3, "refuse")],
    ["the alias is refused", () => alias("refuse")],
    ["the alias is created, and the answer is lost", () => alias("lose the answer")],
  ])("%s: a second run has the same result", async (_, make) => {
    inventory(RENAMED);
    fault = make();
    expect((await up()).code).not.toBe(0);
    fault = () => "pass";
    await expectDone(up());
    expect(await lines("db.example.test")).toEqual(["CNAME data.example.test"]);
  });
});

test("existing records: identical ones are adopted; others are reported with the command to import them, and block nothing else", async () => {
  const add = async (type: string, name: string, content: string) =>
    ((await vendor("POST", "", { type, name, content, ttl: 300, proxied: false })) as Row).id;
  const identical = await add("CNAME", "www.example.test", "web.example.test");
  const text = await add("TXT", "new.example.test", '"here"');
  const stale = await add("A", "mail.example.test", "203.0.113.99");
  inventory(
    fleet(
      host("db", 10) + host("mail", 30) + host("web", 20, 'aliases = ["www"]'),
      TEXTS + txt("new", "here"),
    ),
  );
  const named = (output: string) => {
    expect(output).toContain("fleet.toml: hosts.mail: the zone has a record that this stack did not create");
    expect(output).toContain("mail.example.test A 203.0.113.99");
    expect(output).not.toContain("conflicts with www.example.test");
    return output;
  };
  const before = await zone();
  const output = named(await expectDone(pulumi("preview", "--stack", "dev")));
  expect(await zone()).toEqual(before);
  const refused = await up();
  named(refused.output);
  expect(refused.code).not.toBe(0);
  expect(await lines("mail.example.test")).toEqual([
    "A 203.0.113.99",
    "AAAA 2001:db8::30",
    expect.stringMatching(/^SSHFP /),
  ]);
  expect((await zone()).map(({ id }) => id)).toEqual(expect.arrayContaining([identical, text, stale]));

  const command = /tools\/pulumi (import .*? --yes)/.exec(output.replace(/\s+/g, " "))?.[1] ?? "";
  await expectDone(pulumi(...command.split(" ")));
  await expectDone(up());
  const ids = Object.fromEntries((await zone()).map(({ id, name, type }) => [`${name} ${type}`, id]));
  expect(ids).toMatchObject({
    "www.example.test CNAME": identical,
    "new.example.test TXT": text,
    "mail.example.test A": stale,
  });
  expect(await lines("mail.example.test")).toContain("A 203.0.113.30");
  await expectQuiet();
});
