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

/** A fake lldap: a token for the right password, then its groups and accounts, old and new. */
let groups: string[];
let users: string[];
let readers: string[];
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
  const { name, number } = sent.variables;
  const members = (group: string) => (group === "lldap_strict_readonly" ? readers.map((id) => ({ id })) : []);
  if (sent.query.startsWith("{")) {
    const listed = groups.map((displayName, id) => ({ id, displayName, users: members(displayName) }));
    return { status: 200, body: { data: { groups: listed, users: users.map((id) => ({ id })) } } };
  }
  if (sent.query.includes("createUser")) {
    users.push(name);
    return { status: 200, body: { data: { createUser: { id: name } } } };
  }
  if (sent.query.includes("addUserToGroup")) {
    if (groups[number] === "lldap_strict_readonly") readers.push(name);
    return { status: 200, body: { data: { addUserToGroup: { ok: true } } } };
  }
  if (sent.variables.name === "bad") {
    return { status: 200, body: { data: null, errors: [{ message: "no such luck" }] } };
  }
  groups.push(sent.variables.name);
  return { status: 200, body: { data: { createGroup: { id: groups.length } } } };
}

beforeEach(async () => {
  groups = ["lldap_admin", "lldap_strict_readonly"];
  users = ["admin"];
  readers = [];
  asked = [];
  directory = createServer(async (request, response) => {
    const { status, body } = await answer(request.url, request.headers.authorization, await text(request));
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  directory.listen(0, "127.0.0.1");
  await once(directory, "listening");

  root = mkdtempSync(join(tmpdir(), "pantheros-groups-"));
  for (const name of ["bin", "tmp"]) mkdirSync(join(root, name));
  // The real programs, with a log of their arguments: on a host every user can read arguments.
  for (const name of ["curl", "jq"]) {
    const file = join(root, "bin", name);
    writeFileSync(file, `#!/bin/sh\necho "${name} $*" >>"$ROOT/calls"\nPATH=\${PATH#*:} exec ${name} "$@"\n`);
    chmodSync(file, 0o755);
  }
  // It records what it would set, and the administrator's password.
  writeFileSync(
    join(root, "bin/ldappasswd"),
    `#!/bin/sh
echo "ldappasswd $*" >>"$ROOT/calls"
while getopts xH:D:y:T: option; do
  case $option in y) admin=$OPTARG ;; T) new=$OPTARG ;; esac
done
shift $((OPTIND - 1))
printf '%s: %s by %s\n' "$1" "$(cat "$new")" "$(cat "$admin")" >>"$ROOT/passwords"
`,
    { mode: 0o755 },
  );
  writeFileSync(join(root, "password"), "hunter2\n");
  writeFileSync(join(root, "reader"), "hunter3\n");
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
      PANTHEROS_LLDAP_LDAP: "ldap://127.0.0.1:3890",
      PANTHEROS_LLDAP_PEOPLE: "ou=people,dc=example",
      PANTHEROS_LLDAP_READER: "sign-on",
      PANTHEROS_LLDAP_READER_PASSWORD: join(root, "reader"),
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
  expect(groups).toEqual(["lldap_admin", "lldap_strict_readonly", "admins", "developers"]);
  expect(await run("lldap_admin", "admins", "developers")).toMatchObject({ status: 0, stdout: "" });
  expect(groups).toHaveLength(4);
});

test("no member and no group is removed", async () => {
  groups.push("made-by-hand");
  await run("admins");
  expect(groups).toEqual(["lldap_admin", "lldap_strict_readonly", "made-by-hand", "admins"]);
  expect(asked.join("\n")).not.toMatch(/delete|remove/i);
});

test("neither password nor token is in a program's arguments or left in a file", async () => {
  await run("admins");
  const calls = readFileSync(join(root, "calls"), "utf8");
  expect(calls).toContain("/api/graphql");
  expect(calls).toContain("ldappasswd");
  expect(calls).not.toMatch(/hunter|token-of-the-test/);
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
  expect(groups).toEqual(["lldap_admin", "lldap_strict_readonly"]);
});

test("sign-on's account is made once, may only read, and gets its password at every start", async () => {
  for (const password of ["hunter3", "hunter4"]) {
    writeFileSync(join(root, "reader"), `${password}\n`);
    expect(await run("admins")).toMatchObject({ status: 0, stderr: "" });
  }
  expect([users, readers]).toEqual([["admin", "sign-on"], ["sign-on"]]);
  expect(readFileSync(join(root, "passwords"), "utf8").split("\n")).toEqual([
    "uid=sign-on,ou=people,dc=example: hunter3 by hunter2",
    "uid=sign-on,ou=people,dc=example: hunter4 by hunter2",
    "",
  ]);
  rmSync(join(root, "reader"));
  expect(await run("admins")).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("has the secret lldap-reader-password arrived?"),
  });
});

test("a refusal of the directory is a failure with the directory's message", async () => {
  expect(await run("bad")).toMatchObject({ status: 1, stderr: expect.stringContaining("no such luck") });
});
