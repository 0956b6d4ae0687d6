import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { InventoryError, loadInventory, parseInventory } from "../../../inventory/load.ts";

const sandboxFleet = readFileSync("sandbox/nix/fleet.toml", "utf8");

const BUCKETS = ["cache", "postgres", "backups", "state"];

/** The sandbox's fleet with one replacement, which must match. */
function edited(from: string, to: string): string {
  const text = sandboxFleet.replace(from, to);
  expect(text).not.toBe(sandboxFleet);
  return text;
}

function problemsOf(text: string): string[] {
  try {
    parseInventory(text, "fleet.toml");
  } catch (error) {
    if (error instanceof InventoryError) return error.message.split("\n");
    throw error;
  }
  throw new Error("the inventory was accepted");
}

describe("the fleets of this repository", () => {
  test.each(["nix/fleet.toml", "sandbox/nix/fleet.toml"])("%s is well-formed", (file) => {
    expect(() => loadInventory(file)).not.toThrow();
  });

  test("nix/fleet.toml has the documents' numbers", () => {
    const { hosts, cache, dns } = loadInventory("nix/fleet.toml");
    expect(Object.keys(hosts).sort()).toEqual([
      "cloud",
      "contabo-vps",
      "dev-vm",
      "hetzner-vps",
      "iso-headless",
      "ovh-vps",
      "r2s",
      "router",
      "storage",
      "yoga",
      "zephyrus",
    ]);
    expect(hosts["hetzner-vps"]?.resources).toEqual({ cpus: 2, memoryGb: 4, diskGb: 40, trafficTb: 20 });
    expect(hosts["ovh-vps"]?.resources).toEqual({ cpus: 2, memoryGb: 4, diskGb: 40 });
    expect(hosts["contabo-vps"]?.resources).toEqual({ cpus: 4, memoryGb: 8, diskGb: 200 });
    expect(hosts["zephyrus"]?.reachability).toBe("best-effort");
    expect(hosts["yoga"]?.resources).toEqual({ cpus: 16, memoryGb: 16 });
    expect(`${cache.name}.${dns?.zone}`).toBe("cache.hbohlen.systems");
  });
});

describe("a bad inventory is one clear line with file and key", () => {
  test.each([
    [
      "a former name that another host has",
      "[hosts.legacy]",
      '[hosts.legacy]\nformerly = "db"',
      /^fleet\.toml: hosts\.legacy\.formerly: "db" is still a host of this inventory/,
    ],
    [
      "deletion of an adopted machine",
      "[hosts.legacy]",
      '[hosts.legacy]\ndecommission = "delete"',
      /^fleet\.toml: hosts\.legacy\.decommission: the program never deletes a machine that it did not create/,
    ],
    [
      "a cache on a decommissioned host",
      "[hosts.web]",
      '[hosts.web]\ndecommission = "keep"',
      /^fleet\.toml: cache\.host: "web" is decommissioned: set another host$/,
    ],
    [
      "a check of a service with a key of another kind",
      'port = 9090\nhealth = "/"',
      'port = 9090\nhealth = [{ kind = "tcp", status = 200 }]',
      /^fleet\.toml: services\.metrics\.health\[0\]\.status: unknown key/,
    ],
    [
      "an invalid health path",
      'port = 9090\nhealth = "/"',
      'port = 9090\nhealth = "ready"',
      /^fleet\.toml: services\.metrics\.health: a path begins with "\/"$/,
    ],
    [
      "two checks of a service under one name",
      'port = 9090\nhealth = "/"',
      'port = 9090\nhealth = [{ kind = "tcp" }, { kind = "http" }]',
      /^fleet\.toml: services\.metrics\.health: another health check of host "legacy", of services.metrics, is also named "metrics": give this one a name$/,
    ],
    [
      "an unknown key",
      'profiles = ["server"]',
      'profiles = ["server"]\ncolour = "red"',
      /^fleet\.toml: hosts\.web\.colour: unknown key: remove it, or see docs\/inventory\.md/,
    ],
    [
      "a key with a typing error, in an inner table",
      'vendor = "home"',
      'vendor = "home", adress = "x"',
      /^fleet\.toml: hosts\.legacy\.provider\.adress: unknown key; did you mean "address"\? See docs/,
    ],
    [
      "a key that had no effect",
      "[fleet]",
      "[ports]\nhttps = 8443\n[fleet]",
      /^fleet\.toml: ports\.https: never had an effect: public names are served on 80 and 443; remove it$/,
    ],
    ["an unknown table", "[fleet]", "[flet]\nx = 1\n[fleet]", /^fleet\.toml: flet: unknown key/],
    ["a wrong type", "port = 9090", 'port = "9090"', /^fleet\.toml: services\.metrics\.port: expected/],
    [
      "a port out of range",
      "port = 9090",
      "port = 70000",
      /^fleet\.toml: services\.metrics\.port: a port is 1 to 65535$/,
    ],
    [
      "two services on one port of a host",
      'host = "legacy"\nport = 9090',
      'host = "web"\nport = 8080',
      /^fleet\.toml: services\.metrics\.port: port 8080 on host "web" is taken by services\.hello: choose another port$/,
    ],
    [
      "a service on an unknown host",
      'host = "legacy"',
      'host = "nowhere"',
      /^fleet\.toml: services\.metrics\.host: unknown host "nowhere"; hosts are db, legacy, web$/,
    ],
    [
      "a bad host name",
      "[hosts.legacy]",
      "[hosts.Legacy_1]",
      /^fleet\.toml: hosts\.Legacy_1: invalid name: use lower-case letters/,
    ],
    [
      "a bad address",
      "198.51.100.20",
      "198.51.100.300",
      /^fleet\.toml: hosts\.legacy\.provider\.address: not an IP address$/,
    ],
    [
      "a bad network",
      "198.51.100.1/32",
      "198.51.100.1/64",
      /^fleet\.toml: deploy\.sources\[0\]: not a network in CIDR notation/,
    ],
    [
      "an unknown provider",
      'kind = "existing"',
      'kind = "digitalocean"',
      /^fleet\.toml: hosts\.legacy\.provider\.kind: must be "hetzner", "existing", "image", or .*PANTHEROS_PROVIDERS/,
    ],
    [
      "a bad location",
      'location = "nbg1"',
      'location = "Nürnberg"',
      /^fleet\.toml: hosts\.db\.provider\.location: not a name in Hetzner Cloud's catalogue/,
    ],
    [
      "a bad server type",
      '"cx23"',
      '"CX 23"',
      /^fleet\.toml: hosts\.web\.provider\.server_type: not a name in Hetzner Cloud's catalogue/,
    ],
    [
      "an unknown environment",
      'environment = "sandbox"',
      'environment = "sandbx"',
      /^fleet\.toml: hosts\.web\.environment: unknown environment "sandbx"; did you mean "sandbox"\? Environments are sandbox; to add one, write the table \[environments\.sandbx\]$/,
    ],
    [
      "no profile",
      'profiles = ["server"]',
      "profiles = []",
      /^fleet\.toml: hosts\.web\.profiles: a host has at least one profile$/,
    ],
    [
      "a bad secret reference",
      "op://sandbox/{host} service account/credential",
      "op://sandbox",
      /^fleet\.toml: secrets\.opnix-token\.reference: not a secret reference/,
    ],
    [
      "a secret for an unknown host",
      "[secrets.opnix-token]",
      '[secrets.opnix-token]\nhosts = ["nowhere"]',
      /^fleet\.toml: secrets\.opnix-token\.hosts: unknown host "nowhere"/,
    ],
    [
      "two buckets of one name",
      "sandbox-backups",
      "sandbox-nix-cache",
      /^fleet\.toml: buckets\.backups\.name: "sandbox-nix-cache" is also the name of buckets\.cache: rename one$/,
    ],
    [
      "a bad bucket name",
      "sandbox-backups",
      "Sandbox_Backups",
      /^fleet\.toml: buckets\.backups\.name: 6 to 50 lower-case/,
    ],
    [
      "two owners of one name",
      "[services.hello]",
      '[services.hello]\nsubdomain = "legacy"',
      /^fleet\.toml: services\.hello\.subdomain: the name "legacy" is taken by hosts\.legacy: choose another name$/,
    ],
    [
      "two health checks of one name",
      "[[hosts.db.health]]",
      '[[hosts.db.health]]\nname = "database"\nkind = "unit"\nunit = "a.service"\n[[hosts.db.health]]',
      /^fleet\.toml: hosts\.db\.health: two health checks have the name "database": rename one$/,
    ],
    [
      "a health check of an unknown kind",
      'kind = "tcp"',
      'kind = "ftp"',
      /^fleet\.toml: hosts\.db\.health\[0\]\.kind: .*'http' \| 'tcp'/,
    ],
    [
      "a public service without sign-on and reason",
      'auth_reason = "a greeting"\n',
      "",
      /^fleet\.toml: services\.hello\.auth_reason: a public service with auth = "none" needs a reason/,
    ],
    [
      "an unknown group",
      'host = "legacy"',
      'groups = ["cooks"]\nhost = "legacy"',
      /^fleet\.toml: services\.metrics\.groups: unknown group "cooks"; groups are admins$/,
    ],
    [
      "a gateway that is not a host of its environment",
      "[environments.sandbox]",
      '[environments.sandbox]\ngateway = "nope"',
      /^fleet\.toml: environments\.sandbox\.gateway: "nope" is not a host of this environment; its hosts are /,
    ],
    [
      "no administrators' group",
      'admins = ["admin@example.test"]',
      'cooks = ["admin@example.test"]',
      /^fleet\.toml: tailnet\.admins: unknown group "admins"/,
    ],
    [
      "a cache on an unknown host",
      'name = "cache"\nhost = "web"',
      'name = "cache"\nhost = "nowhere"',
      /^fleet\.toml: cache\.host: unknown host "nowhere"/,
    ],
    ["a later schema", "schema = 1", "schema = 2", /^fleet\.toml: schema: /],
  ])("%s", (_, from, to, expected) => {
    const problems = problemsOf(edited(from, to));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
  });

  test("an environment without a table is reported for each of its hosts and buckets", () => {
    expect(problemsOf(edited("[environments.sandbox]", "[environments.constructor]"))).toEqual(
      ["hosts.web", "hosts.db", "hosts.legacy", ...BUCKETS.map((name) => `buckets.${name}`)].map(
        (table) =>
          `fleet.toml: ${table}.environment: unknown environment "sandbox"; environments are constructor; to add one, write the table [environments.sandbox]`,
      ),
    );
  });

  test("an environment, a bucket's purpose, a location and a server type have any name", () => {
    const text = sandboxFleet
      .replaceAll(/\b(environments\.|environment = ")sandbox\b/g, "$1edge")
      .replace('purpose = "postgres"', 'purpose = "maps"\npublic_read = true')
      .replace('location = "nbg1", server_type = "cx23"', 'location = "osl1", server_type = "cxx13"');
    const inventory = parseInventory(text, "fleet.toml");
    expect(Object.keys(inventory.environments)).toEqual(["edge"]);
    expect(inventory.buckets["postgres"]).toMatchObject({ purpose: "maps", publicRead: true });
    expect(inventory.hosts["db"]?.provider).toMatchObject({ location: "osl1", serverType: "cxx13" });
  });

  test("a reference is not satisfied by a property that every object has", () => {
    const text = `${sandboxFleet.replace("[deploy]", '[deploy]\ntrusted_builders = ["constructor"]')}
[users.constructor]
role = "constructor"
hosts = ["constructor"]
[services.constructor]
host = "constructor"
port = 1
groups = ["constructor"]
[secrets.constructor]
reference = "op://v/i/f"
hosts = ["constructor"]
`;
    expect(problemsOf(text).map((line) => line.replace(/;.*/, ""))).toEqual([
      'fleet.toml: deploy.trusted_builders[0]: unknown host "constructor"',
      'fleet.toml: users.constructor.role: unknown role "constructor"',
      'fleet.toml: users.constructor.hosts: unknown host "constructor"',
      'fleet.toml: services.constructor.host: unknown host "constructor"',
      'fleet.toml: services.constructor.groups: unknown group "constructor"',
      'fleet.toml: secrets.constructor.hosts: unknown host "constructor"',
    ]);
  });

  test("text that Nix refuses or reads differently names its place and the remedy", () => {
    const line = sandboxFleet.split("\n").length;
    const tables = "[services.x.options]\nx = {\n  y = 1.0,\n}\n[users.__proto__]\nrole = 'x'\n";
    expect(problemsOf(`${sandboxFleet}${tables}`)).toEqual([
      `fleet.toml: line ${line + 1}, column 6: Nix can't read an inline table over several lines: put it on one line, or use [a.table]`,
      'fleet.toml: services.x.options.x.y: a float for Nix and an integer for this program: write 1, without "." or "e"',
      "fleet.toml: users.__proto__: this name is reserved: use a different one",
    ]);
  });

  test("text that is not TOML names line and column", () => {
    expect(problemsOf("schema = 1\n[hosts.web\n")[0]).toMatch(/^fleet\.toml: line 2, column \d+: /);
  });

  const adopted = (name: string, provider: string) =>
    `[hosts.${name}]\nenvironment = "sandbox"\nprofiles = ["server"]\nprovider = { kind = "existing", vendor = "home", ${provider} }\n`;
  const withHosts = (...tables: string[]) =>
    edited("[services.hello]", `${tables.join("\n")}\n[services.hello]`);
  const remedy = "one machine is one host: remove one of the two tables (to rename a host, set `formerly`)";

  test.each([
    ["its address", 'address = "198.51.100.20"', "address: 198.51.100.20:22 is also the address"],
    [
      "its address, written as an IPv6 one",
      'address = "::ffff:198.51.100.20"',
      "address: 198.51.100.20:22 is also the address",
    ],
    ["the IPv6 address beside it", 'ipv6 = "::ffff:c633:6414"', "ipv6: 198.51.100.20:22 is also the address"],
  ])("one machine under two names, by %s", (_, provider, expected) => {
    expect(problemsOf(withHosts(adopted("copy", provider)))).toEqual([
      `fleet.toml: hosts.copy.provider.${expected} of hosts.legacy; ${remedy}`,
    ]);
  });

  test("one machine under two names, by two spellings of an IPv6 address and by its host key", () => {
    const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOHWQfUZa9NXSlZ0S+F35zoBmdPDSf2YtoI4J7iNGJ2L";
    expect(
      problemsOf(
        withHosts(
          adopted("first", `address = "2001:db8::20", ipv6 = "2001:db8:0::20", host_key = "${key} root@a"`),
          adopted("second", 'address = "198.51.100.30", ipv6 = "2001:0DB8:0:0::0020"'),
          adopted("third", `address = "198.51.100.31", host_key = "${key}"`),
        ),
      ),
    ).toEqual([
      `fleet.toml: hosts.second.provider.ipv6: [2001:db8::20]:22 is also the address of hosts.first; ${remedy}`,
      `fleet.toml: hosts.third.provider.host_key: is also the host key of hosts.first; ${remedy}, or create new host keys on the copy`,
    ]);
  });

  test("another port of an address is another machine, and a decommissioned host's address is free", () => {
    const out = adopted("old", 'address = "198.51.100.20"').replace(
      "[hosts.old]",
      '[hosts.old]\ndecommission = "keep"',
    );
    const text = withHosts(adopted("inner", 'address = "198.51.100.20", ssh_port = 2222'), out);
    expect(() => parseInventory(text, "fleet.toml")).not.toThrow();
  });

  test.each([
    [
      "cax11",
      "",
      'has an ARM processor, and hosts.web.system is "x86_64-linux"; set system = "aarch64-linux"',
    ],
    [
      "ccx13",
      'system = "aarch64-linux"\n',
      'has an x86 processor, and hosts.web.system is "aarch64-linux"; set system = "x86_64-linux"',
    ],
  ])("a server type that cannot run the host's system: %s", (type, system, expected) => {
    const text = edited('server_type = "cx23"', `server_type = "${type}"`).replace(
      "[hosts.web]\n",
      `[hosts.web]\n${system}`,
    );
    expect(problemsOf(text)).toEqual([
      `fleet.toml: hosts.web.provider.server_type: "${type}" ${expected}, or choose a server type of the other architecture`,
    ]);
  });

  test("more servers in a placement group than the vendor allows", () => {
    const tables = Array.from(
      { length: 11 },
      (_, i) =>
        `[hosts.n${i}]\nenvironment = "sandbox"\nprofiles = ["server"]\nprovider = { kind = "hetzner", location = "fsn1", server_type = "cx23", placement_group = "apart" }\n`,
    );
    expect(problemsOf(withHosts(...tables))).toEqual([
      "fleet.toml: hosts.n10.provider.placement_group: the group has 11 servers, and Hetzner Cloud allows 10: put this one into another group",
    ]);
  });

  test("every problem is reported at once", () => {
    const text = edited("port = 9090", "port = 0").replace("198.51.100.20", "here");
    expect(problemsOf(text)).toHaveLength(2);
  });

  test("a missing file names the setting to change", () => {
    expect(() => loadInventory("no/such.toml")).toThrow(
      /^no\/such\.toml: \(file\): cannot be read; set pantheros:fleet/,
    );
  });

  test("a file that is not UTF-8 is refused, because Nix reads its bytes", () => {
    const file = join(mkdtempSync(join(tmpdir(), "fleet-")), "fleet.toml");
    writeFileSync(file, Buffer.from(`${sandboxFleet}# caf\xe9\n`, "latin1"));
    expect(() => loadInventory(file)).toThrow(/: \(file\): not UTF-8; save it with this encoding$/);
    rmSync(dirname(file), { recursive: true });
  });
});
