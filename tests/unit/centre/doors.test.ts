/** The doors of a service: what a header says counts at its own socket only. */
import { createServer, type IncomingHttpHeaders, request } from "node:http";
import path from "node:path";
import type { Door } from "../../../centre/access/door.ts";
import { OidcSignOn } from "../../../centre/access/oidc.ts";
import type { People } from "../../../centre/access/roles.ts";
import { askTailscaled } from "../../../centre/access/tailscale.ts";
import type { ListenerName } from "../../../centre/listen.ts";
import { serveCentre } from "../../../centre/serve.ts";
import { serviceDoors } from "../../../cli/centre/doors.ts";
import { fleetOf, hostOf, testDatabase, testDirectory } from "./fixtures.ts";
import { startProvider, type TestProvider } from "./provider.ts";

const NAME = "centre.example.test";
const REDIRECT = `https://${NAME}/sign-on/callback`;
const people: People = {
  roles: {
    admin: { capabilities: ["*"], directoryGroups: ["admins"] },
    guest: { capabilities: ["status.*"], directoryGroups: ["guests"] },
  },
  users: {
    ada: { role: "admin", email: "Ada@example.test" },
    bob: { role: "guest" },
    eve: { role: "gone", email: "eve@example.test" },
  },
};

/** Addresses of the tailnet, and whose they are. */
const TAILNET: Readonly<Record<string, string>> = {
  "100.64.0.1": "ada@example.test",
  "100.64.0.2": "stranger@example.test",
  "100.64.0.3": "eve@example.test",
};

const directory = testDirectory();
let provider: TestProvider;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  provider = await startProvider(REDIRECT);
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => provider.stop());

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

let services = 0;

/** A service with both sockets, and a way to each. */
async function service(more: Partial<Record<ListenerName, Door>> = {}) {
  services++;
  const own = services;
  const socket = (name: string) => path.join(directory, `${own}-${name}.sock`);
  const signOn = new OidcSignOn({
    issuer: provider.issuer,
    clientId: "centre",
    clientSecret: "a-secret-of-the-test",
    redirect: REDIRECT,
    people,
  });
  const doors: Partial<Record<ListenerName, Door>> = {
    tailscale: { kind: "tailscale", people, whoIs: (address) => Promise.resolve(TAILNET[address]) },
    proxy: { kind: "oidc", signOn },
    ...more,
  };
  const running = await serveCentre({
    read: () => Promise.resolve(fleetOf(hostOf({ name: "web" }))),
    database: testDatabase(),
    runs: path.join(directory, "runs"),
    listeners: (["tailscale", "proxy"] as const).map((name) => ({ name, target: { path: socket(name) } })),
    names: [NAME],
    doors,
  });
  closing.push(running.close);
  const ask = (name: ListenerName, address: string, headers: Record<string, string> = {}) =>
    new Promise<Answer>((answer, fail) => {
      const asked = request(
        { agent: false, socketPath: socket(name), path: address, headers: { host: NAME, ...headers } },
        (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (part: string) => {
            text += part;
          });
          response.on("end", () =>
            answer({ status: response.statusCode ?? 0, headers: response.headers, text }),
          );
        },
      );
      asked.on("error", fail);
      asked.end();
    });
  return { ask };
}

const ADA = { "tailscale-user-login": "ada@example.test", "x-forwarded-for": "100.64.0.1" };

test("a user of the inventory comes in over the tailnet with their role", async () => {
  const { ask } = await service();
  const answer = await ask("tailscale", "/audit", ADA);
  expect(answer.status).toBe(200);
  const [cookie = ""] = answer.headers["set-cookie"] ?? [];
  expect(cookie).toMatch(/^__Host-pantheros-centre=.*; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  // The cookie alone, without the headers of this request, is nothing.
  const alone = await ask("tailscale", "/audit", { cookie: cookie.split(";")[0] ?? "" });
  expect(alone.status).toBe(401);
});

test.each([
  ["the login of another than tailscaled names", { ...ADA, "x-forwarded-for": "100.64.0.2" }],
  [
    "an address that tailscaled does not know, such as a tagged device's",
    { ...ADA, "x-forwarded-for": "100.64.0.9" },
  ],
  ["no address", { "tailscale-user-login": "ada@example.test" }],
  ["several addresses", { ...ADA, "x-forwarded-for": "100.64.0.1, 100.64.0.2" }],
  [
    "a login that is no user of the inventory",
    {
      "tailscale-user-login": "stranger@example.test",
      "x-forwarded-for": "100.64.0.2",
    },
  ],
  [
    "a user whose role the inventory has not",
    {
      "tailscale-user-login": "eve@example.test",
      "x-forwarded-for": "100.64.0.3",
    },
  ],
  ["no login", { "x-forwarded-for": "100.64.0.1" }],
])("at the socket of tailscale, %s gets nothing", async (_, headers) => {
  const { ask } = await service();
  for (const address of ["/", "/api/v1/fleet", "/audit"]) {
    const answer = await ask("tailscale", address, headers as Record<string, string>);
    expect(answer.status).toBe(401);
    expect(answer.headers["set-cookie"]?.join() ?? "").not.toMatch(/__Host-pantheros-centre=[\w-]/);
    expect(answer.text).not.toContain("203.0.113.11");
  }
});

test("forged headers of Tailscale at the web server's socket get nothing", async () => {
  const { ask } = await service();
  for (const address of ["/", "/api/v1/fleet", "/audit", "/session?link=x"]) {
    const answer = await ask("proxy", address, ADA);
    expect(answer.status).toBe(401);
    expect(answer.headers["set-cookie"]?.join() ?? "").not.toMatch(/__Host-pantheros-centre=[\w-]/);
  }
  // Nor where no sign-on is set up.
  const shut = await service({ proxy: { kind: "link" } });
  expect((await shut.ask("proxy", "/", ADA)).status).toBe(401);
});

test("a session of one door is none at the other", async () => {
  const { ask } = await service();
  const [cookie = ""] = (await ask("tailscale", "/", ADA)).headers["set-cookie"] ?? [];
  expect((await ask("proxy", "/", { cookie: cookie.split(";")[0] ?? "" })).status).toBe(401);
});

test("at the web server's socket a person signs on at the provider, and comes back to their page", async () => {
  await provider.set({ groups: ["guests"] });
  const { ask } = await service();
  const first = await ask("proxy", "/hosts/web");
  expect(first.status).toBe(401);
  expect(first.headers["refresh"]).toBe("0; url=/sign-on?next=%2Fhosts%2Fweb");
  const begun = await ask("proxy", "/sign-on?next=%2Fhosts%2Fweb");
  const [browser = ""] = begun.headers["set-cookie"] ?? [];
  expect(browser).toMatch(/^__Host-pantheros-sign-on=.*HttpOnly; Secure; SameSite=Lax$/);
  const answer = await provider.visit(begun.headers.location ?? "");
  const own = { cookie: browser.split(";")[0] ?? "" };
  const stolen = await ask("proxy", `/sign-on/callback${answer}`);
  expect([stolen.status, stolen.text]).toEqual([403, expect.stringContaining("another browser")]);

  const again = await ask("proxy", "/sign-on?next=%2Fhosts%2Fweb");
  const cookie = { cookie: (again.headers["set-cookie"]?.[0] ?? "").split(";")[0] ?? "" };
  const search = await provider.visit(again.headers.location ?? "");
  const opened = await ask("proxy", `/sign-on/callback${search}`, cookie);
  expect([opened.status, opened.headers["refresh"]]).toEqual([200, "0; url=/hosts/web"]);
  const session =
    opened.headers["set-cookie"]?.find((line) => line.startsWith("__Host-pantheros-centre=")) ?? "";
  expect(session).toMatch(/Max-Age=(59\d|600); Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  const signedOn = { cookie: session.split(";")[0] ?? "" };
  expect((await ask("proxy", "/hosts/web", signedOn)).status).toBe(200);
  expect((await ask("proxy", "/audit", signedOn)).status).toBe(403);
  const replayed = await ask("proxy", `/sign-on/callback${search}`, cookie);
  expect([replayed.status, replayed.text]).toEqual([403, expect.stringContaining("was ended before")]);
  expect(own.cookie).not.toBe(cookie.cookie);
});

test.each(["//evil.example.test", "https://evil.example.test", "/\\evil.example.test", "/a b"])(
  "after a sign-on no browser is led to %j",
  async (next) => {
    await provider.set({ groups: ["guests"] });
    const { ask } = await service();
    const begun = await ask("proxy", `/sign-on?next=${encodeURIComponent(next)}`);
    const cookie = { cookie: (begun.headers["set-cookie"]?.[0] ?? "").split(";")[0] ?? "" };
    const search = await provider.visit(begun.headers.location ?? "");
    const opened = await ask("proxy", `/sign-on/callback${search}`, cookie);
    expect(opened.headers["refresh"]).toBe("0; url=/");
  },
);

test("tailscaled is asked whose an address is, and a tagged device is nobody's", async () => {
  const socket = path.join(directory, "tailscaled.sock");
  const answers: Record<string, unknown> = {
    "100.64.0.1": { Node: { Tags: null }, UserProfile: { LoginName: "ada@example.test" } },
    "100.64.0.4": { Node: { Tags: ["tag:server"] }, UserProfile: { LoginName: "ada@example.test" } },
    "100.64.0.5": { Node: {}, UserProfile: {} },
  };
  const asked: (string | undefined)[] = [];
  const server = createServer((incoming, response) => {
    const url = new URL(incoming.url ?? "", "http://x");
    asked.push(`${incoming.headers.host}${url.pathname}`);
    const found = answers[url.searchParams.get("addr") ?? ""];
    if (found === undefined) response.statusCode = 404;
    response.end(JSON.stringify(found ?? {}));
  });
  await new Promise<void>((ready) => server.listen(socket, ready));
  const whoIs = askTailscaled(socket);
  expect(await whoIs("100.64.0.1")).toBe("ada@example.test");
  for (const address of ["100.64.0.4", "100.64.0.5", "100.64.0.6"])
    expect(await whoIs(address)).toBeUndefined();
  expect(new Set(asked)).toEqual(new Set(["local-tailscaled.sock/localapi/v0/whois"]));
  await new Promise((closed) => server.close(closed));
  expect(await askTailscaled(path.join(directory, "none.sock"))("100.64.0.1")).toBeUndefined();
});

test("a service without a provider has the door of Tailscale only, and one that is half set up is an error", () => {
  expect(Object.keys(serviceDoors({}, [NAME], people))).toEqual(["tailscale"]);
  const issuer = { PANTHEROS_OIDC_ISSUER: "https://sso.example.test" };
  expect(() => serviceDoors(issuer, [NAME], people)).toThrow("PANTHEROS_OIDC_CLIENT_ID");
  expect(() => serviceDoors({ ...issuer, PANTHEROS_OIDC_CLIENT_ID: "x" }, [NAME], people)).toThrow(
    "PANTHEROS_OIDC_SECRET_FILE",
  );
});
