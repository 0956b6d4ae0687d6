import { isBuiltTrusted } from "../../../inventory/builders.ts";
import { InventoryError, parseInventory } from "../../../inventory/load.ts";

interface Fleet {
  readonly deploy?: string;
  readonly cache?: string;
  readonly web?: string;
  readonly db?: string;
  readonly storage?: string;
}

const host = (name: string, more = ""): string => `
[hosts.${name}]
environment = "production"
profiles = ["server"]
provider = { kind = "existing", vendor = "home" }
${more}
`;
const fleet = ({ deploy = "", cache = "", web = "", db = "", storage = "" }: Fleet): string => `
schema = 1
[fleet]
domain = "example.test"
[environments.production]
[deploy]
${deploy}
[cache]
${cache}
${host("web", web)}${host("db", db)}${host("storage", storage)}`;

const read = (given: Fleet) => parseInventory(fleet(given), "fleet.toml");
function problemsOf(given: Fleet): string[] {
  try {
    read(given);
  } catch (error) {
    if (error instanceof InventoryError) return error.message.split("\n");
    throw error;
  }
  return [];
}

const fleetKey = 'public_key = "fleet-1:AAAA="';
const webKey = 'build_key = "fleet-1-web:BBBB="';

test("a host that is not built on the runner needs its own build key", () => {
  const missing = (builder: string) =>
    `fleet.toml: hosts.web.build_key: ${builder} builds for web and is not trusted by the fleet: set the key that \`tools/build-key web\` prints (docs/operations.md, "Who may build")`;
  expect(problemsOf({ web: 'build = "target"' })).toEqual([missing("web")]);
  expect(problemsOf({ web: 'build = "storage"' })).toEqual([missing("storage")]);
  const known = read({ cache: fleetKey, web: `build = "target"\n${webKey}` });
  expect(isBuiltTrusted(known, "web")).toBe(false);
  expect(known.hosts["web"]?.buildKey).toBe("fleet-1-web:BBBB=");
  expect(isBuiltTrusted(known, "db")).toBe(true);
});

test("it may have the key earlier", () => {
  expect(problemsOf({ cache: fleetKey, web: webKey })).toEqual([]);
});

test("a host that is never deployed needs no key", () => {
  expect(problemsOf({ web: 'build = "target"\ndecommission = "keep"' })).toEqual([]);
});

test("a builder in trusted_builders is trusted like the runner", () => {
  const given = {
    deploy: 'trusted_builders = ["storage", "db"]',
    web: 'build = "storage"',
    db: 'build = "target"',
  };
  expect(problemsOf(given)).toEqual([]);
  expect(isBuiltTrusted(read(given), "web")).toBe(true);
  expect(isBuiltTrusted(read(given), "db")).toBe(true);
});

test.each<[string, Fleet, RegExp]>([
  [
    "an unknown one",
    { deploy: 'trusted_builders = ["nobody"]' },
    /^fleet\.toml: deploy\.trusted_builders\[0\]: unknown host "nobody"; hosts are db, storage, web$/,
  ],
  [
    "one that builds for no host",
    { deploy: 'trusted_builders = ["storage"]' },
    /deploy\.trusted_builders\[0\]: nothing is built on storage: /,
  ],
  [
    "one whose own system another host builds",
    {
      cache: fleetKey,
      deploy: 'trusted_builders = ["storage"]',
      web: 'build = "storage"',
      storage: 'build = "db"\nbuild_key = "fleet-1-storage:AAAA="',
    },
    /deploy\.trusted_builders\[0\]: storage itself is built on db, which could put anything into it: add that host to the list/,
  ],
  [
    "a key of the fleet's name",
    { cache: fleetKey, web: 'build_key = "fleet-1:BBBB="' },
    /hosts\.web\.build_key: "fleet-1" is the name of a key of \[cache\]/,
  ],
  [
    "a key of another signing key",
    { cache: fleetKey, web: 'build_key = "fleet-2-web:BBBB="' },
    /hosts\.web\.build_key: "fleet-2-web" does not belong to the signing key "fleet-1"/,
  ],
  [
    "a key that another host has",
    { web: webKey, db: webKey },
    /hosts\.db\.build_key: "fleet-1-web" is also the key of hosts\.web/,
  ],
  ["no key", { web: 'build_key = "web"' }, /hosts\.web\.build_key: not a Nix public key/],
])("%s is refused", (_, given, message) => {
  expect(problemsOf(given)).toEqual([expect.stringMatching(message)]);
});

test.each<[string, Fleet, RegExp]>([
  [
    "no host",
    { web: 'build = "nobody"' },
    /hosts\.web\.build: unknown host "nobody"; hosts are db, storage, web; "local" and "target" are allowed too/,
  ],
  [
    "itself",
    { web: 'build = "web"' },
    /hosts\.web\.build: set build = "target" for a host that builds its own system/,
  ],
  [
    "one another",
    { web: 'build = "db"', db: 'build = "web"' },
    /hosts\.web\.build: hosts build one another: web -> db -> web/,
  ],
])("built on %s is refused", (_, given, message) => {
  expect(problemsOf(given)).toEqual(expect.arrayContaining([expect.stringMatching(message)]));
});
