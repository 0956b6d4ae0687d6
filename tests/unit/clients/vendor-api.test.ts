import { CloudflareApi } from "../../../clients/cloudflare/api.ts";
import { HetznerApi } from "../../../clients/hetzner/api.ts";
import { TailscaleApi } from "../../../clients/tailscale/api.ts";

const TOKEN = "a-secret-token";

/** A client whose requests get these answers in turn, and the pauses between its attempts in ms. */
function clientWith(...answers: (Response | Error)[]) {
  const pauses: number[] = [];
  const options = {
    endpoint: "http://vendor",
    token: TOKEN,
    sleep: async (ms: number) => void pauses.push(ms),
    fetch: async () => {
      const next = answers.shift() ?? new Error("no answer left");
      if (next instanceof Error) throw next;
      return next;
    },
  };
  const { token: _, ...shared } = options;
  const tailscale = { ...shared, credentials: { key: TOKEN }, scope: "auth_keys" } as const;
  return {
    pauses,
    left: answers,
    hetzner: new HetznerApi(options),
    cloudflare: new CloudflareApi(options),
    tailscale: new TailscaleApi(tailscale),
  };
}
const refusal = (status: number, body: object, headers = {}) => Response.json(body, { status, headers });

test("a refusal names vendor, method, path, reason, code and status, as each vendor words it", async () => {
  const hetzner = clientWith(refusal(403, { error: { code: "forbidden", message: "read-only" } })).hetzner;
  await expect(hetzner.request("POST", "/servers", {})).rejects.toMatchObject({
    message: "Hetzner Cloud: POST /servers: read-only (forbidden, HTTP 403)",
    code: "forbidden",
    status: 403,
  });
  const { cloudflare } = clientWith(refusal(400, { errors: [{ code: 7003, message: "no such zone" }] }));
  await expect(cloudflare.request("GET", "/zones/z")).rejects.toThrow(
    /^Cloudflare: GET \/zones\/z: no such zone \(7003, HTTP 400\)$/,
  );
  const { tailscale } = clientWith(refusal(401, { message: "API token invalid" }));
  await expect(tailscale.request("GET", "/keys")).rejects.toThrow(
    /^Tailscale: GET \/keys: API token invalid \(HTTP 401\); the token needs the scope auth_keys$/,
  );
});

test("no message holds the token, not even that of an invalid header", async () => {
  const { hetzner } = clientWith(refusal(403, { error: { code: "x", message: `bad token ${TOKEN}` } }));
  await expect(hetzner.request("GET", "/x")).rejects.toThrow(/bad token TOKEN \(x, HTTP 403\)$/);
  const api = new HetznerApi({ endpoint: "http://127.0.0.1:1", token: "one\ntwo", maxAttempts: 1 });
  const error = await api.request("GET", "/x").catch((thrown: unknown) => thrown);
  expect(String(error)).toMatch(/Hetzner Cloud: GET \/x: /);
  expect(String(error)).not.toMatch(/one|two/);
});

test("the pause before a repetition grows, and is never shorter than the vendor's Retry-After", async () => {
  const busy = (headers = {}) => refusal(429, {}, headers);
  const { hetzner, pauses } = clientWith(
    busy(),
    busy({ "retry-after": "7" }),
    refusal(503, {}, { "retry-after": "soon" }),
    Response.json({ done: true }),
  );
  expect(await hetzner.request("GET", "/x")).toEqual({ done: true });
  expect(pauses).toEqual([1000, 7000, 3000]);
  const date = clientWith(
    busy({ "retry-after": new Date(Date.now() + 20_000).toUTCString() }),
    Response.json({}),
  );
  await date.hetzner.request("GET", "/x");
  expect(date.pauses[0]).toBeGreaterThan(15_000);
});

test("a vendor that asks for a pause of minutes is not asked again", async () => {
  const { cloudflare, pauses } = clientWith(refusal(429, {}, { "retry-after": "300" }), Response.json({}));
  await expect(cloudflare.request("GET", "/x")).rejects.toMatchObject({ status: 429 });
  expect(pauses).toEqual([]);
});

test("an answer that is cut off is asked for again", async () => {
  const cut = new Response(
    new ReadableStream({ start: (controller) => controller.error(new Error("terminated")) }),
  );
  const { hetzner, left } = clientWith(cut, Response.json({ whole: true }));
  expect(await hetzner.request("GET", "/x")).toEqual({ whole: true });
  expect(left).toEqual([]);
});

const loginPage = () => new Response("<html>", { headers: { "content-type": "text/html" } });
const CHECK = "check the endpoint, and whether a proxy or a login page is in front of it";

test("nothing is concluded from an answer that is not the vendor's: it is asked for again, then an error", async () => {
  const passing = clientWith(loginPage(), new Response(""), Response.json({ servers: [] }));
  expect(await passing.hetzner.servers("a=b")).toEqual([]);
  const other = clientWith(Response.json({ status: "ok" })).hetzner;
  await expect(other.servers("a=b")).rejects.toThrow(
    /^Hetzner Cloud: GET \/servers\?\S+: unexpected answer: servers: .*; check the endpoint/,
  );
  const page = clientWith(...Array.from({ length: 4 }, loginPage)).cloudflare;
  await expect(page.request("GET", "/zones")).rejects.toThrow(
    `Cloudflare: GET /zones: the answer is not the vendor's JSON: text/html (HTTP 200); ${CHECK}`,
  );
  const empty = clientWith(...Array.from({ length: 4 }, () => new Response(""))).hetzner;
  await expect(empty.serverStatus(7)).rejects.toThrow(
    `Hetzner Cloud: GET /servers/7: the answer is empty (HTTP 200); ${CHECK}`,
  );
});

test("a redirection is not followed, and the error says where it leads", async () => {
  const location = "https://login.example.test/start?session=s3cret";
  const { hetzner, left } = clientWith(
    new Response("", { status: 302, headers: { location } }),
    Response.json({}),
  );
  const error = await hetzner.request("POST", "/servers", {}).catch(String);
  expect(error).toMatch(/the answer redirects to https:\/\/login\.example\.test\/start \(HTTP 302\); check/);
  expect(left).toHaveLength(1);
});

test("a deletion without a body succeeds", async () => {
  const { hetzner } = clientWith(new Response(null, { status: 204 }));
  expect(await hetzner.request("DELETE", "/x")).toEqual({});
});

test("an OAuth answer without a token names the vendor and the path", async () => {
  const credentials = { id: "client", secret: "secret" };
  const fetch = async () => Response.json({ page: "log in" });
  const api = new TailscaleApi({ endpoint: "http://t", credentials, scope: "auth_keys", fetch });
  await expect(api.request("GET", "/keys")).rejects.toThrow(
    /^Tailscale: POST \/oauth\/token: unexpected answer: access_token: /,
  );
});

test("a certificate that is not trusted is an error at once, with the remedy", async () => {
  const cause = Object.assign(new Error("self-signed certificate"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  const { hetzner, pauses } = clientWith(new TypeError("fetch failed", { cause }));
  await expect(hetzner.request("GET", "/x")).rejects.toThrow(
    /^Hetzner Cloud: GET \/x: \S+ the certificate is not trusted: self-signed certificate; .*NODE_EXTRA_CA_CERTS$/,
  );
  expect(pauses).toEqual([]);
});

test("a deletion of what does not exist succeeds; a conflict at Hetzner is repeated", async () => {
  const conflict = refusal(409, { error: { code: "conflict", message: "resource changed" } });
  const { hetzner, left } = clientWith(conflict, refusal(404, { error: { code: "not_found", message: "" } }));
  expect(await hetzner.request("DELETE", "/x")).toEqual({});
  expect(left).toEqual([]);
});
