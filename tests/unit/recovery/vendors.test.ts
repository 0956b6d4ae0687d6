import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
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

const vendors = vendorsFrom({ HCLOUD_TOKEN: "token", TAILSCALE_API_KEY: "key" });
const servers = (endpoint: string) => vendors.hetzner({ endpoint }, "/servers");

test.each([["close"], [503], [429]] as const)("what fails once is asked again: %s", async (fault) => {
  expect(await against([fault, 200], servers)).toEqual({ got: { found: true }, left: [] });
});

test("a refusal is told at once, with method and address", async () => {
  await expect(against([403, 200], servers)).rejects.toThrow(/^GET http:\/\/127[^ ]*\/servers answers 403$/);
});

test("what goes on failing is given up, with method and address", async () => {
  await expect(against([503, 503, 503, 503, 200], servers)).rejects.toThrow(/answers 503$/);
  await expect(against([], servers)).rejects.toThrow(/^GET http:\/\/127[^ ]*\/servers: /);
});

test("a deletion whose answer was lost is done", async () => {
  const remove = (baseUrl: string) => vendors.tailscale({ baseUrl }, "DELETE", "/keys/k");
  expect(await against(["close", 404], remove)).toEqual({ got: {}, left: [] });
});
