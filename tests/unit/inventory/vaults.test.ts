import { InventoryError, loadInventory, parseInventory } from "../../../inventory/load.ts";
import { hostVault } from "../../../inventory/vaults.ts";
import { evaluate } from "../nix/nix.ts";

interface Fleet {
  readonly fleet?: string;
  readonly production?: string;
  readonly staging?: string;
  readonly web?: string;
  readonly more?: string;
}
const text = ({ fleet = "", production = "", staging = "", web = "", more = "" }: Fleet): string => `
schema = 1
[fleet]
domain = "example.test"
${fleet}
[environments.production]
${production}
[environments.staging]
${staging}
[hosts.web]
environment = "production"
profiles = ["server"]
provider = { kind = "existing", vendor = "home" }
${web}
[hosts.mirror]
environment = "staging"
profiles = ["server"]
provider = { kind = "existing", vendor = "home" }
${more}`;
const read = (given: Fleet) => parseInventory(text(given), "fleet.toml");
function problemsOf(given: Fleet): string[] {
  try {
    read(given);
  } catch (error) {
    if (error instanceof InventoryError) return error.message.split("\n");
    throw error;
  }
  return [];
}

test("each environment has a vault, a host may have its own, and the program's vault is no host's", () => {
  const inventory = read({ fleet: 'vault = "fleet"', staging: 'vault = "mirrors"' });
  expect([hostVault(inventory, "web"), hostVault(inventory, "mirror")]).toEqual([
    "fleet-production",
    "mirrors",
  ]);
  expect(hostVault(read({ web: 'vault = "web"' }), "web")).toBe("web");
});

const token = (vault: string) =>
  `[secrets.opnix-token]\nreference = "op://${vault}/{host} account/credential"`;

test.each<[string, Fleet, RegExp]>([
  [
    "hosts that read the program's vault",
    { fleet: 'vault = "fleet"', production: 'vault = "Fleet"' },
    /^fleet\.toml: environments\.production\.vault: "Fleet" is also fleet\.vault: .*the vendors' tokens and the state's passphrase/,
  ],
  [
    "a host that reads the program's vault",
    { fleet: 'vault = "fleet"', web: 'vault = "fleet"' },
    /^fleet\.toml: hosts\.web\.vault: "fleet" is also fleet\.vault/,
  ],
  [
    "two environments with one vault",
    { production: 'vault = "hosts"', staging: 'vault = "hosts"' },
    /^fleet\.toml: environments\.staging\.vault: "hosts" is also environments\.production\.vault: .*use a vault of its own/,
  ],
  [
    "a host's vault that the others read",
    { web: 'vault = "pantherOS-production"' },
    /^fleet\.toml: hosts\.web\.vault: "pantherOS-production" is also environments\.production\.vault/,
  ],
  [
    "delivered secrets that each host could read for itself",
    { more: token("pantherOS-staging") },
    /^fleet\.toml: secrets\.opnix-token\.reference: the vault "pantherOS-staging" is environments\.staging\.vault: .*move it to "pantherOS"/,
  ],
  [
    "an id, which hides that two are equal",
    { production: 'vault = "abcdefghijklmnopqrstuvwxyz"' },
    /^fleet\.toml: environments\.production\.vault: .* is a vault's id: use its name/,
  ],
])("%s: refused", (_, given, message) => {
  const problems = problemsOf(given);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(message);
});

test("delivered secrets in the program's vault, or in one that no host reads, are accepted", () => {
  expect(problemsOf({ more: token("pantherOS") })).toEqual([]);
  expect(problemsOf({ more: token("accounts") })).toEqual([]);
});

test.each([
  ["its own", "op://PantherOS-Production/caddy/token", null],
  ["one that no other host and not the program reads", "op://shared/smtp/password", null],
  [
    "the program's, in any case",
    "op://PANTHEROS/hetzner/token",
    'is the program\'s: .* move the secret to "pantherOS-production"',
  ],
  ["another environment's", "op://pantherOS-staging/staging/key", "is that of contabo-vps: "],
  ["an id", "op://abcdefghijklmnopqrstuvwxyz/caddy/token", "is a vault's id: use its name"],
])("a host's secret in a vault, %s", (_, reference, expected) => {
  const problem = evaluate(`let fleet = (import (nix + "/lib/fleet.nix")).fromFile (nix + "/fleet.toml"); in
    (import (nix + "/lib/vaults.nix")).problem { inherit fleet; host = fleet.hosts.hetzner-vps; } "${reference}"`);
  expect(problem).toEqual(expected === null ? null : expect.stringMatching(expected));
});

test("OpNix reads a host's secrets from the vault that the inventory names and the checks cover", () => {
  for (const file of ["nix/fleet.toml", "sandbox/nix/fleet.toml"]) {
    const inventory = loadInventory(file);
    const items = evaluate(
      `builtins.mapAttrs (_: host: host.secretsItem) ((import (nix + "/lib/fleet.nix")).fromFile (nix + "/../${file}")).hosts`,
    ) as Record<string, string>;
    expect(Object.keys(items)).toEqual(Object.keys(inventory.hosts).sort());
    for (const [host, item] of Object.entries(items)) {
      expect([host, item.split("/")[2]]).toEqual([host, hostVault(inventory, host)]);
    }
  }
  const own = text({ web: 'vault = "web"' });
  expect(
    evaluate(
      `((import (nix + "/lib/fleet.nix")).fromAttrs (builtins.fromTOML ${JSON.stringify(own)})).hosts.web.secretsItem`,
    ),
  ).toBe("op://web/web");
});
