import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vendorsFrom } from "../../../tools/recovery/vendors.ts";

/** What each request gets, in turn: a status, or a connection that ends. */
async function against(answers: readonly (number | "close")[], ask: (url: string) => Promise<unknown>) {
  const left = [...answers];
  const server = createServer((request, response) => {
    const next = left.shift();
    if (next === undefined || next === "close") request.socket.destroy();
    else response.writeHead(next, { "content-type": "application/json" }).end('{"found":true}');
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  try {
    const { port } = server.address() as AddressInfo;
    return { got: await ask(`http://127.0.0.1:${port}`), left };
  } finally {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
}

const vendors = vendorsFrom({ HCLOUD_TOKEN: "token", TAILSCALE_API_KEY: "key" }, { sleep: async () => {} });
const servers = (endpoint: string) =>
  vendors.servers({ kind: "hetzner", provider: { endpoint }, path: "/servers" });

test.each([["close"], [503], [429]] as const)("a request that fails once is repeated: %s", async (fault) => {
  expect(await against([fault, 200], servers)).toEqual({ got: { found: true }, left: [] });
});

test("a refusal is thrown at once, with vendor, method and path", async () => {
  await expect(against([403, 200], servers)).rejects.toThrow(/^Hetzner Cloud: GET \/servers: .*HTTP 403\)$/);
});

test("a request that always fails is given up after four attempts", async () => {
  await expect(against([503, 503, 503, 503, 200], servers)).rejects.toThrow(
    /^Hetzner Cloud: GET \/servers: .*HTTP 503\)$/,
  );
  await expect(against([], servers)).rejects.toThrow(/^Hetzner Cloud: GET \/servers: http:\/\/127[^ ]*: /);
});

test.each([
  ["", "op item list: the output is empty"],
  ["<html>", "op item list: the output is not a list of items"],
])("op's output is a list, or nothing is concluded: %j", async (output, message) => {
  const dir = mkdtempSync(join(tmpdir(), "pantheros-op-"));
  try {
    writeFileSync(join(dir, "op"), `#!/bin/sh\nprintf %s '${output}'\n`, { mode: 0o755 });
    const { onepassword } = vendorsFrom({ OP_CLI_PATH: join(dir, "op") });
    await expect(onepassword("vault")).rejects.toThrow(message);
    writeFileSync(join(dir, "op"), `#!/bin/sh\necho '[{"id":"i1"}]'\n`, { mode: 0o755 });
    expect(await onepassword("vault")).toEqual([{ id: "i1" }]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("a deletion whose answer was lost succeeds", async () => {
  const remove = (baseUrl: string) => vendors.tailscale({ baseUrl }, "DELETE", "/keys/k");
  expect(await against(["close", 404], remove)).toEqual({ got: {}, left: [] });
});

test("an OAuth client gives one access token for all requests", async () => {
  const seen: string[] = [];
  const { tailscale } = vendorsFrom(
    { TAILSCALE_OAUTH_CLIENT_ID: "client", TAILSCALE_OAUTH_CLIENT_SECRET: "secret" },
    {
      fetch: async (url, init) => {
        seen.push(`${init?.method} ${url} ${new Headers(init?.headers).get("authorization")}`);
        return Response.json(String(url).endsWith("/oauth/token") ? { access_token: "t1" } : { keys: [] });
      },
    },
  );
  for (const path of ["/keys", "/keys/k"]) await tailscale({ baseUrl: "http://t" }, "GET", path);
  expect(seen).toEqual([
    "POST http://t/api/v2/oauth/token null",
    "GET http://t/api/v2/keys Bearer t1",
    "GET http://t/api/v2/keys/k Bearer t1",
  ]);
});

test("without Tailscale credentials the error names the variables", async () => {
  await expect(vendorsFrom({}).tailscale({}, "GET", "/keys")).rejects.toThrow(
    "set TAILSCALE_OAUTH_CLIENT_ID and TAILSCALE_OAUTH_CLIENT_SECRET, or TAILSCALE_API_KEY",
  );
});
