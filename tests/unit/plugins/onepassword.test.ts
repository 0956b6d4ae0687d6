import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isOldEnough, opError } from "../../../sandbox/plugins/onepassword/op.ts";
import { onepassword } from "../../../sandbox/plugins/onepassword/plugin.ts";
import { folder, Session } from "./session.ts";

const path = folder();
const calls = join(path, "calls");
const op = join(path, "op");

/** An `op` with one vault in a file, which logs its calls. */
writeFileSync(
  op,
  `#!${process.execPath}
const fs = require("node:fs");
const [, , ...argv] = process.argv;
const file = ${JSON.stringify(join(path, "items.json"))};
const items = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file)) : {};
const fail = (text) => { process.stderr.write("[ERROR] 2026/11/21 10:00:00 " + text + "\\n"); process.exit(1); };
if (argv[0] === "--version") { console.log("2.31.1"); process.exit(0); }
const stdin = argv.includes("-") || argv[1] === "edit" ? fs.readFileSync(0, "utf8") : "";
fs.appendFileSync(${JSON.stringify(calls)}, JSON.stringify({ argv, stdin, format: process.env.OP_FORMAT }) + "\\n");
if (process.env.OP_SERVICE_ACCOUNT_TOKEN !== "ops_token") fail("(401) Unauthorized");
const vault = { id: "vaultid", name: "Fleet" };
const save = (item) => { items[item.id] = item; fs.writeFileSync(file, JSON.stringify(items)); console.log(JSON.stringify(item)); };
const find = (name) => Object.values(items).find((item) => item.id === name || item.title === name) ?? fail('"' + name + '" isn\\'t an item in the "Fleet" vault.');
const [noun, verb, word] = argv;
if (noun === "vault") console.log(JSON.stringify([vault]));
else if (verb === "get") console.log(JSON.stringify(find(word)));
else if (verb === "delete") { const { id } = find(word); delete items[id]; fs.writeFileSync(file, JSON.stringify(items)); }
else {
  const item = { ...JSON.parse(stdin) };
  item.id ??= "item" + Object.keys(items).length;
  save(item);
}
`,
);
chmodSync(op, 0o755);

const session = new Session(onepassword, { serviceAccountToken: "ops_token", opCliPath: op });
const ITEM = "onepassword:index/item:Item";
const called = () =>
  readFileSync(calls, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { argv: string[]; stdin: string; format: string });

test("an item is sent as JSON on stdin, without a secret among the arguments", async () => {
  const args = {
    vault: "vaultid",
    category: "password",
    title: "web token",
    password: "s3cret",
    tags: ["pantheros"],
  };
  const item = await session.create(ITEM, "token", args);
  expect(item.id).toBe("vaults/vaultid/items/item0");
  expect(item.outputs).toMatchObject({ uuid: "item0", password: "s3cret" });
  // As in the official plugin, to which "" would be a change.
  expect(item.outputs).not.toHaveProperty("noteValue");
  const [create] = called().filter(({ argv }) => argv[1] === "create");
  expect(create).toMatchObject({ argv: ["item", "create", "-"], format: "json" });
  expect(create?.stdin).toContain("s3cret");
  expect(JSON.stringify(called().map(({ argv }) => argv))).not.toContain("s3cret");
  expect((await session.refresh(item))?.inputs).toEqual(item.inputs);
  const changed = await session.update(item, { ...args, password: "other" });
  expect(called().at(-1)?.argv).toEqual(["item", "edit", "item0", "--vault=vaultid"]);
  expect((await session.refresh(changed))?.inputs["password"]).toBe("other");
  await session.delete(changed);
});

test("a deleted item is an error to a refresh and to a deletion, as with the official plugin", async () => {
  const item = await session.create(ITEM, "lost", {
    vault: "vaultid",
    title: "lost",
    category: "password",
    password: "x",
  });
  await session.delete(item);
  const gone = "item '[a-z0-9]+' from vault 'vaultid', got error: op item";
  await expect(session.refresh(item)).rejects.toThrow(new RegExp(`^Could not get ${gone} get: exit 1`));
  await expect(session.delete(item)).rejects.toThrow(new RegExp(`^Could not delete ${gone} delete: exit 1`));
});

test("password, note and sections are always secret", () => {
  const secrets = session.provider.secrets(
    new Map(),
    onepassword.resources[ITEM]?.properties ?? {},
    onepassword.resources[ITEM]?.secretOutputs,
  );
  expect([...secrets.keys()].sort()).toEqual(["noteValue", "password", "sections"]);
});

test("getItem reads fields by their purpose, their label and their section", async () => {
  const section = { id: "s" };
  const fields = [
    { id: "username", label: "username", type: "STRING", purpose: "USERNAME", value: "app" },
    { id: "password", label: "password", type: "CONCEALED", purpose: "PASSWORD", value: "pw" },
    { id: "f1", label: "hostname", type: "STRING", value: "db.example.test" },
    { id: "f2", label: "port", type: "STRING", value: "5432" },
    { id: "f3", label: "signing", type: "CONCEALED", value: "k3y", section },
  ];
  const sections = [{ ...section, label: "keys" }];
  const item = { id: "db1", title: "db", category: "DATABASE", vault: { id: "vaultid" }, fields, sections };
  writeFileSync(join(path, "items.json"), JSON.stringify({ db1: item }));
  const { outputs } = await session.provider.invoke("onepassword:index/getItem:getItem", {
    vault: "vaultid",
    title: "db",
  });
  expect(outputs).toMatchObject({
    id: "vaults/vaultid/items/db1",
    category: "database",
    username: "app",
    password: "pw",
    hostname: "db.example.test",
    port: "5432",
    credential: "",
    sections: [{ label: "keys", fields: [{ label: "signing", value: "k3y" }] }],
  });
  expect(onepassword.functions?.["onepassword:index/getItem:getItem"]?.secretOutputs).toContain("password");
});

test("a vault by name", async () => {
  const { outputs } = await session.provider.invoke("onepassword:index/getVault:getVault", { name: "Fleet" });
  expect(outputs).toEqual({ id: "vaults/vaultid", uuid: "vaultid", name: "Fleet" });
  const missing = session.provider.invoke("onepassword:index/getVault:getVault", { name: "None" });
  await expect(missing).rejects.toThrow('0 vaults named "None"');
});

test("an error has the message of op, without its time", async () => {
  const wrong = new Session(onepassword, { serviceAccountToken: "ops_wrong", opCliPath: op });
  const asking = wrong.provider.invoke("onepassword:index/getItem:getItem", {
    vault: "vaultid",
    title: "db",
  });
  await expect(asking).rejects.toThrow("op item get: exit 1: (401) Unauthorized");
  expect(opError("something else")).toBe("something else");
  expect(() => new Session(onepassword, { url: "http://connect.example.test", token: "t" })).toThrow(
    "Connect (url, token)",
  );
});

test("op must be 2.23 or later", () => {
  expect(["2.22.9", "1.99.0", "2.23.0", "2.31.1-beta.1", "3.0.0"].map(isOldEnough)).toEqual([
    false,
    false,
    true,
    true,
    true,
  ]);
});
