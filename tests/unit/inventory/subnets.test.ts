import { InventoryError, loadInventory, parseInventory } from "../../../inventory/load.ts";

interface Lan {
  readonly network?: string;
  readonly address?: string;
  readonly dhcp?: string;
}
const router = (
  name: string,
  { network = "192.0.2.0/24", address = "192.0.2.1", dhcp = "" }: Lan,
): string => `
[hosts.${name}]
environment = "homelab"
profiles = ["server", "router"]
provider = { kind = "existing", vendor = "home" }
[hosts.${name}.router]
wan = "eth0"
lan = { interface = "eth1", address = "${address}", network = "${network}" }
${dhcp}
`;
function problemsOf(...hosts: readonly string[]): string[] {
  const head = 'schema = 1\n[fleet]\ndomain = "example.test"\n[environments.homelab]\n';
  try {
    parseInventory(head + hosts.join(""), "fleet.toml");
  } catch (error) {
    if (error instanceof InventoryError) return error.message.split("\n");
    throw error;
  }
  return [];
}
const pool = (from: string, to: string) => `dhcp = { from = "${from}", to = "${to}" }`;

test("routers with networks of their own are accepted", () => {
  expect(
    problemsOf(
      router("a", { dhcp: pool("192.0.2.100", "192.0.2.199") }),
      router("b", { network: "198.51.100.128/25", address: "198.51.100.129" }),
    ),
  ).toEqual([]);
});

test.each<[string, readonly string[], RegExp]>([
  [
    "a network inside another",
    [router("a", {}), router("b", { network: "192.0.2.128/25", address: "192.0.2.129" })],
    /^fleet\.toml: hosts\.b\.router\.lan\.network: 192\.0\.2\.128\/25 overlaps 192\.0\.2\.0\/24 of hosts\.a/,
  ],
  [
    "an address outside of its network",
    [router("a", { address: "198.51.100.1" })],
    /^fleet\.toml: hosts\.a\.router\.lan\.address: 198\.51\.100\.1 is not in 192\.0\.2\.0\/24/,
  ],
  [
    "a pool outside of its network",
    [router("a", { dhcp: pool("192.0.2.200", "192.0.3.10") })],
    /^fleet\.toml: hosts\.a\.router\.dhcp: .* is not a range inside 192\.0\.2\.0\/24/,
  ],
  [
    "a pool that ends before it begins",
    [router("a", { dhcp: pool("192.0.2.200", "192.0.2.100") })],
    /^fleet\.toml: hosts\.a\.router\.dhcp: .* is not a range/,
  ],
  [
    "a pool with the router's own address in it",
    [router("a", { dhcp: pool("192.0.2.1", "192.0.2.100") })],
    /^fleet\.toml: hosts\.a\.router\.dhcp: 192\.0\.2\.1 of hosts\.a is in /,
  ],
  [
    "a pool with another machine's address in it",
    [
      router("a", { dhcp: pool("192.0.2.100", "192.0.2.199") }),
      '[hosts.nas]\nenvironment = "homelab"\nprofiles = ["server"]\nprovider = { kind = "existing", vendor = "home", address = "192.0.2.150" }\n',
    ],
    /^fleet\.toml: hosts\.a\.router\.dhcp: 192\.0\.2\.150 of hosts\.nas is in 192\.0\.2\.100 to 192\.0\.2\.199/,
  ],
])("%s: refused", (_, hosts, message) => {
  const problems = problemsOf(...hosts);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(message);
});

test("the fleet's own routers have networks of their own", () => {
  expect(() => loadInventory("nix/fleet.toml")).not.toThrow();
});
