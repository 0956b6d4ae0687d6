import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InventoryError, parseInventory } from "../../../inventory/load.ts";
import { UPLINK_ADDRESS } from "../../../providers/hetzner/servers.ts";
import { evaluate } from "./nix.ts";

const hostOf = (provider: string): string => `
schema = 1
[fleet]
domain = "example.test"
[environments.staging]
[hosts.web]
environment = "staging"
profiles = ["server"]
provider = ${provider}
`;
const hetzner = '{ kind = "hetzner", location = "fsn1", server_type = "cx23" }';
const existing = (network: string) =>
  `{ kind = "existing", vendor = "contabo", address = "198.51.100.22"${network} }`;
const nix = (toml: string, wanted: string): unknown =>
  evaluate(
    `let own = import (nix + "/lib/uplink.nix"); host = ((import (nix + "/lib/fleet.nix")).fromAttrs (builtins.fromTOML ${JSON.stringify(toml)})).hosts.web; in ${wanted}`,
  );
const networkOf = (provider: string) => nix(hostOf(provider), "own.networkOf (own.uplinkOf host)");

test("a server at Hetzner gets IPv4 by DHCP alone, and its IPv6 address from the file that the installation writes", () => {
  expect(networkOf(hetzner)).toMatchObject({
    networkConfig: { DHCP: "ipv4", IPv6AcceptRA: false },
    address: [],
  });
  expect(nix(hostOf(hetzner), "(own.uplinkOf host).delivered")).toBe(true);
  expect(nix(hostOf(hetzner), "own.addressFile")).toBe(`/var/lib/pantheros/secrets/${UPLINK_ADDRESS}`);
});

test("static addresses of the inventory, with gateways outside of their network", () => {
  const network =
    ', network = { addresses = ["198.51.100.22/24", "2001:db8::5/64"], gateways = ["198.51.100.1", "fe80::1"], nameservers = ["9.9.9.9"] }';
  expect(() => parseInventory(hostOf(existing(network)), "fleet.toml")).not.toThrow();
  expect(networkOf(existing(network))).toMatchObject({
    matchConfig: { Name: ["en*", "eth*"] },
    networkConfig: { DHCP: "no", IPv6AcceptRA: false },
    address: ["198.51.100.22/24", "2001:db8::5/64"],
    routes: [
      { Gateway: "198.51.100.1", GatewayOnLink: true },
      { Gateway: "fe80::1", GatewayOnLink: true },
    ],
    dns: ["9.9.9.9"],
  });
  const six =
    ', network = { interface = "ens3", addresses = ["2001:db8::5/128"], gateways = ["2001:db8:1::1"] }';
  expect(networkOf(existing(six))).toMatchObject({
    matchConfig: { Name: ["ens3"] },
    networkConfig: { DHCP: "ipv4" },
  });
});

test("other machines are not configured", () => {
  expect(nix(hostOf(existing("")), "own.uplinkOf host")).toBeNull();
});

test("an address without its prefix is refused with its key", () => {
  const bad = hostOf(existing(', network = { addresses = ["198.51.100.22"] }'));
  expect(() => parseInventory(bad, "fleet.toml")).toThrow(InventoryError);
  expect(() => parseInventory(bad, "fleet.toml")).toThrow(
    /hosts\.web\.provider\.network\.addresses\[0\]: not an address with its prefix/,
  );
});

describe("the drop-in of the delivered address", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "pantheros-uplink-"));
    for (const name of ["systemctl", "networkctl"]) {
      writeFileSync(join(root, name), `#!/bin/sh\necho "${name} $*" >>${root}/calls\n`);
      chmodSync(join(root, name), 0o755);
    }
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const run = (content: string | undefined) => {
    if (content === undefined) rmSync(join(root, "address"), { force: true });
    else writeFileSync(join(root, "address"), content);
    const { status, stderr } = spawnSync(
      "sh",
      ["nix/modules/network/uplink.sh", join(root, "address"), join(root, "d")],
      { env: { PATH: `${root}:${process.env["PATH"]}` }, encoding: "utf8" },
    );
    const file = join(root, "d/address.conf");
    return { status, stderr, text: existsSync(file) ? readFileSync(file, "utf8") : undefined };
  };

  test("has the address and Hetzner's gateway, and networkd reloads", () => {
    expect(run("2001:db8:1:1::1/64\n")).toMatchObject({
      status: 0,
      text: "[Network]\nAddress=2001:db8:1:1::1/64\n\n[Route]\nGateway=fe80::1\nGatewayOnLink=yes\n",
    });
    expect(readFileSync(join(root, "calls"), "utf8")).toContain("networkctl reload");
  });

  test("is removed with the file", () => {
    run("2001:db8::1/64\n");
    expect(run(undefined)).toMatchObject({ status: 0, text: undefined });
  });

  test.each(["2001:db8::1", "198.51.100.7/32", "2001:db8::1/64/2", "x/64", "2001:db8::1/64\nDHCP=yes"])(
    "%j is refused with what belongs there, and what was there stays",
    (content) => {
      run("2001:db8::1/64\n");
      const { status, stderr, text } = run(content);
      expect(status).toBe(1);
      expect(stderr).toContain("is not ADDRESS/PREFIX");
      expect(text).toContain("Address=2001:db8::1/64\n");
    },
  );
});
