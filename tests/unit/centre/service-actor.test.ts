/** What a service can do without a checkout: hosts by their operators, and runs by the forge. */
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { json } from "node:stream/consumers";
import { ownerIdentity } from "../../../centre/access/identity.ts";
import { Operators } from "../../../cli/centre/acts/operators.ts";
import { ServiceActor } from "../../../cli/centre/acts/service-actor.ts";
import { StackActor } from "../../../cli/centre/acts/stack-actor.ts";
import { GitHubWorkflows, type Workflow } from "../../../clients/forge/workflow.ts";
import { loadInventory } from "../../../inventory/load.ts";
import { testDirectory } from "./fixtures.ts";

const { roles } = loadInventory("nix/fleet.toml");
const by = ownerIdentity("ada");
const directory = testDirectory();
const never = () => {
  throw new Error("the stack is not read");
};
const workflow: Workflow = { repository: "owner/fleet", file: "deploy.yml", ref: "main" };

function keysOf(...names: readonly string[]): string {
  const keys = path.join(directory, names.join("-") || "none");
  mkdirSync(keys, { recursive: true });
  for (const name of names) writeFileSync(path.join(keys, name), "a key", { mode: 0o600 });
  return keys;
}

test("each role has its own key, and the owner that of a role that may do everything", () => {
  const keys = keysOf("admin", "guest");
  const operators = new Operators({ keys, roles });
  expect(operators.keyOf("admin")).toBe(path.join(keys, "admin"));
  expect(operators.keyOf("guest")).toBe(path.join(keys, "guest"));
  expect(operators.keyOf("owner")).toBe(path.join(keys, "admin"));
  // A name that is no role, such as a path, is no file.
  for (const role of ["restricted-admin", "../guest", "guest/../admin", "constructor", ""])
    expect(operators.keyOf(role)).toBeUndefined();
  expect(operators.missing("restricted-admin")).toMatch(/restricted-admin is missing.*operator_keys/);
  expect(new Operators({ keys: keysOf("guest"), roles }).keyOf("owner")).toBeUndefined();
  expect(new Operators({ keys: undefined, roles }).missing("admin")).toMatch(/PANTHEROS_OPERATOR_KEYS/);
});

test("at a checkout only the owner rolls back without an operator key", () => {
  const actor = new StackActor({ keys: undefined, roles, stack: {}, root: "/nowhere", env: {} });
  expect(actor.unavailable("rollback.host", "owner")).toBeUndefined();
  expect(actor.unavailable("rollback.host", "admin")).toMatch(/no operator key for the role admin/);
  expect(actor.unavailable("service.restart", "owner")).toMatch(/no operator key/);
  expect(actor.unavailable("run.preview", "restricted-admin")).toBeUndefined();
});

test.each(["--stack=production", "-y", 'it\'s "broken"; $(id)', "--"])(
  "an up with the reason %j has it as its message, and no other option",
  async (reason) => {
    const root = path.join(directory, "checkout");
    mkdirSync(path.join(root, "tools"), { recursive: true });
    const program = path.join(root, "tools/pulumi");
    writeFileSync(program, `#!/bin/sh\nfor word; do printf '%s\\n' "$word"; done\n`, { mode: 0o755 });
    const stack = { stack: "sandbox" };
    const actor = new StackActor({ keys: undefined, roles, stack, root, env: process.env });
    const lines: string[] = [];
    const result = await actor.perform({ act: "run.up", reason }, by, (line) => lines.push(line));
    expect(result.ok).toBe(true);
    const words = ["up", "--yes", "--skip-preview", "--suppress-outputs", "--color", "never"];
    expect(lines).toEqual([...words, `--message=${reason}`, "--stack", "sandbox"]);
  },
);

test("a service rolls nothing back, because it cannot write the pin, and says where to", async () => {
  const start = () => Promise.resolve();
  const actor = new ServiceActor({ keys: keysOf("admin"), roles, open: never, start, workflows: {} });
  for (const act of ["rollback.host", "rollback.wave", "rollback.release"] as const) {
    expect(actor.unavailable(act, "admin")).toMatch(/use tools\/pantheros rollback/);
    expect((await actor.perform({ act, host: "web", reason: "x" }, by, () => {})).ok).toBe(false);
  }
  expect(actor.unavailable("service.restart", "admin")).toBeUndefined();
  expect(actor.unavailable("service.restart", "guest")).toMatch(/no operator key for the role guest/);
  expect(actor.unavailable("run.up", "admin")).toMatch(/PANTHEROS_FORGE_REPOSITORY/);
});

/** An emulated GitHub that answers one status. */
async function forge(status: number) {
  const requests: unknown[] = [];
  const server = createServer(async (request, response) => {
    const { authorization } = request.headers;
    requests.push([request.method, request.url, authorization, await json(request)]);
    response.statusCode = status;
    response.end(status === 204 ? undefined : JSON.stringify({ message: "Resource not accessible" }));
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new GitHubWorkflows({ endpoint, token: "a-planted-token" });
  const actor = new ServiceActor({
    keys: undefined,
    roles,
    open: never,
    start: (each) => client.start(each),
    workflows: { "run.up": workflow },
  });
  const close = () => {
    server.closeAllConnections();
    return new Promise((closed) => server.close(closed));
  };
  return { actor, requests, close };
}

test("an up starts the forge's workflow, once", async () => {
  const { actor, requests, close } = await forge(204);
  expect(actor.unavailable("run.up", "admin")).toBeUndefined();
  const result = await actor.perform({ act: "run.up", reason: "x" }, by, () => {});
  expect(result).toMatchObject({ ok: true, detail: expect.stringContaining("deploy.yml of owner/fleet") });
  expect(requests).toEqual([
    [
      "POST",
      "/repos/owner/fleet/actions/workflows/deploy.yml/dispatches",
      "Bearer a-planted-token",
      { ref: "main" },
    ],
  ]);
  await close();
});

test.each([403, 500])(
  "a forge that answers %s is the act's failure, without its token and a second try",
  async (status) => {
    const { actor, requests, close } = await forge(status);
    const act = actor.perform({ act: "run.up", reason: "x" }, by, () => {});
    await expect(act).rejects.toThrow(/Resource not accessible/);
    await expect(act).rejects.not.toThrow(/planted/);
    expect(requests).toHaveLength(1);
    await close();
  },
);
