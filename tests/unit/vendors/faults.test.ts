import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hono } from "hono";
import { type FaultRuleInput, faultFiles, faultFor, readRequests } from "../../../sandbox/vendors/faults.ts";
import { faulty, type Refusals } from "../../../sandbox/vendors/faulty.ts";
import { HETZNER } from "../../../sandbox/vendors/hetzner/refusals.ts";
import { type Listener, listen } from "../../../sandbox/vendors/http.ts";
import { seedVault } from "../../../sandbox/vendors/onepassword/seed.ts";
import { CLOUDFLARE, S3, TAILSCALE } from "../../../sandbox/vendors/refusals.ts";

let dir = "";
let done: string[] = [];
const listeners: Listener[] = [];

/** A vendor that records the requests it serves, behind the injected faults. */
async function vendor(name = "hetzner", refusals: Refusals = HETZNER): Promise<string> {
  const app = new Hono();
  app.all("*", (context) => {
    done.push(`${context.req.method} ${context.req.path}`);
    return context.json({ ok: true });
  });
  const front = (server: Parameters<typeof faulty>[0]) => faulty(server, { dir, vendor: name, refusals });
  const listener = await listen(app, "127.0.0.1", 0, front);
  listeners.push(listener);
  return listener.url;
}

const files = () => faultFiles(dir);
const setRules = (...rules: FaultRuleInput[]) => writeFileSync(files().rules, JSON.stringify(rules));
const removeRules = () => rmSync(files().rules);
const hits = () => readRequests(files().requests).flatMap((line) => ("hit" in line ? [line] : []));
const post = (url: string, signal?: AbortSignal) => fetch(url, { method: "POST", ...(signal && { signal }) });
const statuses = async (...urls: string[]) => {
  const found: (number | string)[] = [];
  for (const url of urls)
    found.push(
      await post(url).then(
        ({ status }) => status,
        () => "lost",
      ),
    );
  return found;
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pantheros-faults-"));
  mkdirSync(join(dir, "vendors"));
  done = [];
});
afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.close();
  rmSync(dir, { recursive: true, force: true });
});

test("without rules nothing is counted and nothing fails", async () => {
  const url = await vendor();
  expect(await statuses(`${url}/a`, `${url}/b`)).toEqual([200, 200]);
  expect(existsSync(files().requests)).toBe(false);
});

test("the n-th changing request over all vendors gets the fault, and is logged", async () => {
  const [one, two] = [await vendor("hetzner"), await vendor("cloudflare", CLOUDFLARE)];
  setRules({ fault: "refuse", from: 3 });
  await fetch(`${one}/read`); // does not count
  await post(`${one}/api/v2/oauth/token`); // a token changes nothing
  await post(`${one}/sandbox/join`); // a path of the sandbox itself
  expect(await statuses(`${one}/a`, `${two}/b`, `${two}/c?d=1`, `${one}/e`)).toEqual([200, 200, 403, 200]);
  expect(hits()).toEqual([
    { hit: "refuse", n: 3, vendor: "cloudflare", method: "POST", path: "/c?d=1", changes: true },
  ]);
  expect(done).not.toContain("POST /c");
});

test("faults of one vendor, of several requests in a row, and of all from one on", async () => {
  const [one, two] = [await vendor("hetzner"), await vendor("cloudflare", CLOUDFLARE)];
  setRules({ fault: "unavailable", vendor: "hetzner", from: 2, times: 2 });
  expect(await statuses(`${one}/1`, `${two}/1`, `${one}/2`, `${one}/3`, `${one}/4`)).toEqual([
    200, 200, 503, 503, 200,
  ]);
  rmSync(files().requests);
  setRules({ fault: "unavailable", from: 2, times: 0 });
  expect(await statuses(`${one}/1`, `${two}/2`, `${one}/3`)).toEqual([200, 503, 503]);
});

test("reads get faults with requests: all", async () => {
  const url = await vendor();
  setRules({ fault: "unavailable", requests: "all" });
  expect((await fetch(`${url}/read`)).status).toBe(503);
  expect((await fetch(`${url}/read`)).status).toBe(200);
});

test("a dropped request is not served; with a dropped answer it is", async () => {
  const url = await vendor();
  setRules({ fault: "drop", from: 1 }, { fault: "drop-answer", from: 2 });
  expect(await statuses(`${url}/a`, `${url}/b`, `${url}/c`)).toEqual(["lost", "lost", 200]);
  expect(done).toEqual(["POST /b", "POST /c"]);
  expect(hits().map(({ hit, path }) => `${hit} ${path}`)).toEqual(["drop /a", "drop-answer /b"]);
});

test("a silent vendor accepts and never answers", async () => {
  const url = await vendor();
  setRules({ fault: "silent" });
  await expect(post(`${url}/a`, AbortSignal.timeout(300))).rejects.toThrow(/abort|timeout/i);
  expect(done).toEqual([]);
});

test("an answer is cut off, empty, or a page of a proxy", async () => {
  const url = await vendor();
  setRules(
    { fault: "cut-answer", from: 1 },
    { fault: "empty", from: 2 },
    { fault: "login-page", from: 3 },
    { fault: "redirect", from: 4 },
  );
  const cut = await post(`${url}/a`);
  expect([cut.status, cut.headers.get("content-type")]).toEqual([200, "application/json"]);
  await expect(cut.text()).rejects.toThrow(/terminated/);
  expect(await (await post(`${url}/b`)).text()).toBe("");
  expect(await (await post(`${url}/c`)).text()).toMatch(/^<!doctype html>/);
  const moved = await fetch(`${url}/d`, { method: "POST", redirect: "manual" });
  expect(moved.status).toBe(302);
  const page = await fetch(new URL(moved.headers.get("location") ?? "", url));
  expect(page.headers.get("content-type")).toMatch(/^text\/html/);
  expect(done).toEqual(["POST /a"]);
});

async function untilHit(): Promise<void> {
  for (let tries = 0; hits().length === 0 && tries < 500; tries++)
    await new Promise((again) => setTimeout(again, 10));
  expect(hits()).toHaveLength(1);
}

test("a held request is served when the rule is removed, unless its client has disconnected", async () => {
  const url = await vendor();
  setRules({ fault: "hold" });
  const asked = post(`${url}/a`);
  await untilHit();
  expect(done).toEqual([]);
  removeRules();
  expect((await asked).status).toBe(200);
  expect(done).toEqual(["POST /a"]);

  rmSync(files().requests);
  setRules({ fault: "hold" });
  const leaving = new AbortController();
  const left = post(`${url}/b`, leaving.signal).catch(() => "left");
  await untilHit();
  leaving.abort();
  expect(await left).toBe("left");
  await new Promise((again) => setTimeout(again, 200));
  removeRules();
  expect((await post(`${url}/c`)).status).toBe(200);
  expect(done).toEqual(["POST /a", "POST /c"]);
});

test("a held answer is sent when the rule is removed; its request is served before", async () => {
  const url = await vendor();
  setRules({ fault: "hold-answer" });
  const asked = post(`${url}/a`);
  await untilHit();
  expect(done).toEqual(["POST /a"]);
  removeRules();
  expect(await (await asked).json()).toEqual({ ok: true });
});

test("each vendor refuses in its own form", async () => {
  const bodies = async (name: string, refusals: Refusals) => {
    const url = await vendor(name, refusals);
    rmSync(files().requests, { force: true });
    setRules(
      { fault: "refuse" },
      { fault: "unavailable", from: 2 },
      { fault: "rate-limit", from: 3, seconds: 7 },
    );
    const answers = [await post(url), await post(url), await post(url)];
    expect(answers[2]?.headers.get("retry-after")).toBe("7");
    return Promise.all(answers.map(async (each) => `${each.status} ${await each.text()}`));
  };
  expect(await bodies("hetzner", HETZNER)).toEqual([
    expect.stringMatching(/^403 \{"error":\{"code":"forbidden"/),
    expect.stringMatching(/^503 \{"error":\{"code":"unavailable"/),
    expect.stringMatching(/^429 \{"error":\{"code":"rate_limit_exceeded"/),
  ]);
  expect(await bodies("cloudflare", CLOUDFLARE)).toEqual([
    expect.stringMatching(/^403 \{"result":null,"success":false,"errors":\[\{"code":9109/),
    expect.stringMatching(/^503 .*"success":false/),
    expect.stringMatching(/^429 .*"code":971/),
  ]);
  expect(await bodies("tailscale", TAILSCALE)).toEqual([
    expect.stringMatching(/^403 \{"message":/),
    expect.stringMatching(/^503 \{"message":/),
    expect.stringMatching(/^429 \{"message":/),
  ]);
  expect(await bodies("s3", S3)).toEqual([
    expect.stringMatching(/^403 <\?xml.*<Code>AccessDenied<\/Code>/s),
    expect.stringMatching(/^500 <\?xml.*<Code>InternalError<\/Code>/s),
    expect.stringMatching(/^503 <\?xml.*<Code>SlowDown<\/Code>/s),
  ]);
});

test("invalid rules are an error with the file and the reason", () => {
  writeFileSync(files().rules, '[{"fault": "break"}]');
  const request = { vendor: "hetzner", method: "POST", path: "/", changes: true };
  expect(() => faultFor(dir, request)).toThrow(/faults\.json: .*Invalid option/s);
});

test("the 1Password command is counted too, and fails with its own messages", () => {
  const token = "ops_test";
  const vault = join(dir, "vault.json");
  seedVault(vault, token, ["v"], [{ vault: "v", item: "i", field: "f", value: () => "x" }]);
  const op = (...args: string[]) =>
    spawnSync(process.execPath, ["sandbox/vendors/onepassword/op.ts", ...args], {
      encoding: "utf8",
      env: { ...process.env, PANTHEROS_VAULT: vault, OP_SERVICE_ACCOUNT_TOKEN: token },
    });
  setRules({ fault: "drop-answer", from: 2 });
  faultFor(dir, { vendor: "hetzner", method: "POST", path: "/", changes: true });
  expect(op("read", "op://v/i/f").stdout.trim()).toBe("x");
  const lost = op("item", "create", "--category=login", "--title=new", "--vault=v");
  expect(lost.status).toBe(1);
  expect(lost.stderr).toMatch(/^\[ERROR\] .*EOF$/m);
  expect(readFileSync(vault, "utf8")).toContain('"new"');
  expect(hits().map(({ vendor: name, path }) => `${name} ${path}`)).toEqual(["onepassword item create"]);
});
