import { readFileSync } from "node:fs";
import { InventoryError, parseInventory } from "../../../inventory/load.ts";
import { addressPortOf, openSshPorts, sshPortOf } from "../../../inventory/ssh.ts";
import { evaluate } from "../nix/nix.ts";

const sandbox = readFileSync("sandbox/nix/fleet.toml", "utf8");

/** The sandbox's fleet with keys of the adopted host `legacy`, of its provider and of `[ports]`. */
const fleet = ({ ssh = "", provider = "", ports = "" }) =>
  sandbox
    .replace("[hosts.legacy]", `[hosts.legacy]\nssh = { ${ssh} }`)
    .replace('address = "198.51.100.20"', `address = "198.51.100.20"${provider}`)
    .replace("[services.hello]", `[ports]\n${ports}\n[services.hello]`);

describe("the port of a host's sshd", () => {
  const cases: [string, Parameters<typeof fleet>[0], [sshd: number, address: number, web: number]][] = [
    ["is 22", {}, [22, 22, 22]],
    ["is that of [ports], for every host", { ports: "ssh = 2022" }, [2022, 2022, 2022]],
    [
      "is that of an adopted machine",
      { provider: ", ssh_port = 2222", ports: "ssh = 2022" },
      [2222, 2222, 2022],
    ],
    ["is its own", { ssh: "port = 2200", ports: "ssh = 2022" }, [2200, 2200, 2022]],
    ["may differ from a forwarded one", { ssh: "port = 22", provider: ", ssh_port = 2222" }, [22, 2222, 22]],
  ];

  test.each(cases)("%s", (_, given, expected) => {
    const inventory = parseInventory(fleet(given), "fleet.toml");
    const { legacy, web } = inventory.hosts;
    if (legacy === undefined || web === undefined) throw new Error("the sandbox's fleet has other hosts");
    expect([
      sshPortOf(inventory, legacy),
      addressPortOf(inventory, legacy),
      sshPortOf(inventory, web),
    ]).toEqual(expected);
  });

  test("is the same for Nix, which sets sshd, its firewall and fail2ban", () => {
    const texts = JSON.stringify(cases.map(([, given]) => fleet(given)));
    const ports = evaluate(`map (text: let
      inherit ((import (nix + "/lib/fleet.nix")).fromAttrs (builtins.fromTOML text)) hosts;
    in [hosts.legacy.sshPort hosts.web.sshPort]) (builtins.fromJSON ${JSON.stringify(texts)})`);
    expect(ports).toEqual(cases.map(([, , [sshd, , web]]) => [sshd, web]));
  });

  test("stays open at the former one while it changes", () => {
    const inventory = parseInventory(fleet({ ssh: "port = 2222, former_port = 22" }), "fleet.toml");
    const { legacy } = inventory.hosts;
    expect(legacy && openSshPorts(inventory, legacy)).toEqual([2222, 22]);
  });
});

test.each([
  [
    fleet({ ssh: "former_port = 22" }),
    "hosts.legacy.ssh.former_port: sshd listens on port 22 already: remove the key, or set `port` to the new one",
  ],
  [
    sandbox.replace("port = 8080", "port = 22"),
    "services.hello.port: sshd of web listens on port 22: choose another port, or set hosts.web.ssh.port",
  ],
  [fleet({ ssh: "proxy = 1" }), "hosts.legacy.ssh.proxy: unknown key"],
])("a bad port is one line with its remedy", (text, message) => {
  const read = () => parseInventory(text, "fleet.toml");
  expect(read).toThrow(InventoryError);
  expect(read).toThrow(`fleet.toml: ${message}`);
});
