import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pdnsConfig } from "../../../sandbox/vendors/dns/pdns.ts";
import { ensureSecrets, parseSecrets } from "../../../sandbox/vendors/secrets.ts";
import { Store } from "../../../sandbox/vendors/store.ts";

const dir = mkdtempSync(join(tmpdir(), "store-"));
afterAll(() => rmSync(dir, { recursive: true }));

test("a store writes changes with mode 600, and reads them again", () => {
  const path = join(dir, "state", "a.json");
  const empty = () => ({ count: 0, rows: {} as Record<string, number> });
  const store = new Store(path, empty);
  store.data.rows["x"] = 1;
  store.commit();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const { mtimeMs, ino } = statSync(path);
  store.commit();
  expect(statSync(path)).toMatchObject({ mtimeMs, ino });
  expect(new Store(path, () => ({ ...empty(), added: true })).data).toEqual({
    count: 0,
    rows: { x: 1 },
    added: true,
  });
  expect(readdirSync(join(dir, "state"))).toEqual(["a.json"]);
});

test("missing secrets are generated once, and existing ones stay", () => {
  const sandbox = join(dir, "sandbox");
  ensureSecrets(sandbox);
  const path = join(sandbox, "secrets.env");
  writeFileSync(
    path,
    readFileSync(path, "utf8").replace(/^HCLOUD_TOKEN=.*$/m, "HCLOUD_TOKEN=mine\nOTHER=kept"),
  );
  const again = ensureSecrets(sandbox);
  expect(again).toMatchObject({ HCLOUD_TOKEN: "mine", OTHER: "kept" });
  expect(again).toEqual(parseSecrets(readFileSync(path, "utf8")));
  expect(again["OP_SERVICE_ACCOUNT_TOKEN"]).toMatch(/^ops_/);
  for (const value of Object.values(again)) expect(value).toMatch(/^[A-Za-z0-9_-]+$/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("the DNS server listens on the sandbox's addresses only", () => {
  const options = { dir: "/d", logDir: "/l", address: "192.0.2.1", port: 53, apiPort: 8081 };
  const config = pdnsConfig(options, "key");
  for (const line of [
    "local-address=192.0.2.1",
    "webserver-address=127.0.0.1",
    "disable-axfr=yes",
    "api-key=key",
  ]) {
    expect(config.split("\n")).toContain(line);
  }
});
