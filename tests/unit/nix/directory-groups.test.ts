import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** Programs that the script needs on the host. */
const missing = ["curl", "jq"].filter((name) => spawnSync(name, ["--version"]).error !== undefined);
const test = missing.length === 0 ? global.test : global.test.skip;

/** A fake lldap: a token for the right password, then its groups, old and new. */
let groups: string[];
let asked: string[];
let directory: Server;
let root: string;

async function answer(path: string | undefined, authorization: string | undefined, body: string) {
  const sent = JSON.parse(body);
  if (path === "/auth/simple/login") {
    const right = sent.username === "admin" && sent.password === "hunter2";
    return { status: right ? 200 : 401, body: { token: "token-of-the-test", refreshToken: null } };
  }
  if (path !== "/api/graphql" || authorization !== "Bearer token-of-the-test")
    return { status: 401, body: {} };
  asked.push(sent.query);
  if (!sent.query.includes("createGroup")) {
    return { status: 200, body: { data: { groups: groups.map((displayName) => ({ displayName })) } } };
  }
  if (sent.variables.name === "bad") {
    return { status: 200, body: { data: null, errors: [{ message: "no such luck" }] } };
  }
  groups.push(sent.variables.name);
  return { status: 200, body: { data: { createGroup: { id: groups.length } } } };
}

beforeEach(async () => {
  groups = ["lldap_admin"];
  asked = [];
  directory = createServer(async (request, response) => {
    const { status, body } = await answer(request.url, request.headers.authorization, await text(request));
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  directory.listen(0, "127.0.0.1");
  await once(directory, "listening");

  root = mkdtempSync(join(tmpdir(), "pantheros-groups-"));
  for (const name of ["bin", "tmp"]) mkdirSync(join(root, name));
  // The real programs, with a log of their arguments, which every user could read.
  for (const name of ["curl", "jq"]) {
    const file = join(root, "bin", name);
    writeFileSync(file, `#!/bin/sh\necho "${name} $*" >>"$ROOT/calls"\nPATH=\${PATH#*:} exec ${name} "$@"\n`);
    chmodSync(file, 0o755);
  }
  writeFileSync(join(root, "password"), "hunter2\n");
});
afterEach(() => {
  directory.close();
  rmSync(root, { recursive: true, force: true });
});

async function run(...wanted: string[]) {
  const child = spawn("sh", ["nix/modules/services/sso/groups.sh", ...wanted], {
    env: {
      PATH: `${root}/bin:${process.env["PATH"]}`,
      ROOT: root,
      TMPDIR: join(root, "tmp"),
      PANTHEROS_LLDAP_URL: `http://127.0.0.1:${(directory.address() as AddressInfo).port}`,
      PANTHEROS_LLDAP_PASSWORD: join(root, "password"),
    },
    timeout: 120_000,
  });
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { status, stdout, stderr };
}

test("missing groups are created, and a second run creates none", async () => {
  expect(await run("lldap_admin", "admins", "developers")).toMatchObject({ status: 0, stderr: "" });
  expect(groups).toEqual(["lldap_admin", "admins", "developers"]);
  expect(await run("lldap_admin", "admins", "developers")).toMatchObject({ status: 0, stdout: "" });
  expect(groups).toHaveLength(3);
});

test("no member and no group is removed", async () => {
  groups.push("made-by-hand");
  await run("admins");
  expect(groups).toEqual(["lldap_admin", "made-by-hand", "admins"]);
  expect(asked.join("\n")).not.toMatch(/delete|remove/i);
});

test("neither password nor token is in a program's arguments or left in a file", async () => {
  await run("admins");
  const calls = readFileSync(join(root, "calls"), "utf8");
  expect(calls).toContain("/api/graphql");
  expect(calls).not.toMatch(/hunter2|token-of-the-test/);
  expect(readdirSync(join(root, "tmp"))).toEqual([]);
});

test("the error of a wrong or missing password names the secret", async () => {
  writeFileSync(join(root, "password"), "wrong\n");
  expect(await run("admins")).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("is the secret lldap-admin-password the directory's?"),
  });
  rmSync(join(root, "password"));
  expect(await run("admins")).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("has the secret lldap-admin-password arrived?"),
  });
  expect(groups).toEqual(["lldap_admin"]);
});

test("a refusal of the directory is a failure with the directory's message", async () => {
  expect(await run("bad")).toMatchObject({ status: 1, stderr: expect.stringContaining("no such luck") });
});
