import { readFileSync } from "node:fs";
import { InventoryError, parseInventory } from "../../../inventory/load.ts";
import { addressPortOf, jumpsTo, openSshPorts, sshPortOf, sshSourcesOf } from "../../../inventory/ssh.ts";
import { evaluate } from "../nix/nix.ts";
import { ED25519 } from "../ssh-keys.ts";

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

describe("a jump host", () => {
  const outside = `{ address = "203.0.113.5", host_key = "${ED25519}" }`;

  test("is another host or a machine outside, and may have one itself", () => {
    const text = fleet({ ssh: 'jump = "db"' }).replace(
      "[hosts.db]",
      `[hosts.db]\nssh = { jump = ${outside} }`,
    );
    const inventory = parseInventory(text, "fleet.toml");
    expect(jumpsTo(inventory, "legacy")).toEqual([
      { address: "203.0.113.5", port: 22, hostKey: ED25519 },
      "db",
    ]);
    expect(jumpsTo(inventory, "web")).toEqual([]);
  });

  test("reaches a host whose sources name its address, in the vendor's firewall and the host's own", () => {
    const text = fleet({ ssh: 'jump = "db", sources = ["10.0.0.1/32"]' });
    const { hosts, deploy } = parseInventory(text, "fleet.toml");
    expect(hosts["legacy"] && sshSourcesOf({ deploy }, hosts["legacy"])).toEqual([
      "198.51.100.1/32",
      "10.0.0.1/32",
    ]);
    const sources = evaluate(`let
      fleet = (import (nix + "/lib/fleet.nix")).fromAttrs (builtins.fromTOML (builtins.fromJSON ${JSON.stringify(JSON.stringify(text))}));
      policy = (import (nix + "/lib/firewall.nix")).policy { inherit fleet; registry = import (nix + "/lib/registry.nix") fleet; };
    in (policy fleet.hosts.legacy).ssh.sources`);
    expect(sources).toEqual(["198.51.100.1/32", "10.0.0.1/32"]);
  });

  const image =
    '[hosts.iso]\nenvironment = "sandbox"\nprofiles = ["server"]\nprovider = { kind = "image" }\n[services.hello]';
  test.each([
    ["an unknown name", fleet({ ssh: 'jump = "dd"' }), 'jump: unknown host "dd"; did you mean "db"?'],
    ["a name of every object", fleet({ ssh: 'jump = "constructor"' }), 'jump: unknown host "constructor"'],
    ["itself", fleet({ ssh: 'jump = "legacy"' }), "jump: jump hosts in a cycle: legacy -> legacy"],
    [
      "a cycle",
      fleet({ ssh: 'jump = "db"' }).replace("[hosts.db]", '[hosts.db]\nssh = { jump = "legacy" }'),
      "jump: jump hosts in a cycle: legacy -> db -> legacy; one of them must be reached without a jump host",
    ],
    [
      "an image",
      fleet({ ssh: 'jump = "iso"' }).replace("[services.hello]", image),
      "jump: iso is an image, which never runs: choose another host",
    ],
    [
      "a decommissioned host",
      fleet({ ssh: 'jump = "db"' }).replace("[hosts.db]", '[hosts.db]\ndecommission = "keep"'),
      "jump: db is decommissioned",
    ],
    [
      "a host of a later wave",
      fleet({ ssh: 'jump = "db"' }).replace("[hosts.db]", "[hosts.db]\nwave = 2"),
      "jump: db is deployed in wave 2, after wave 1: a jump host comes first, so set its `wave` to 1 or less",
    ],
    [
      "a host of another environment",
      fleet({ ssh: 'jump = "db"' })
        .replace(
          '[hosts.db]\ndescription = "Created at the emulated Hetzner Cloud"\nenvironment = "sandbox"',
          '[hosts.db]\nenvironment = "staging"',
        )
        .replace("[deploy]", "[environments.staging]\n[deploy]"),
      "jump: db belongs to another environment (staging)",
    ],
    [
      "no source",
      fleet({ ssh: `jump = ${outside}` }).replace('sources = ["198.51.100.1/32"]', "sources = []"),
      "sources: its firewall would refuse the jump host: add the address that the jump host has towards legacy",
    ],
    ["a wrong form", fleet({ ssh: 'jump = { host = "db" }' }), "jump: not one of the allowed forms"],
  ])("that cannot be one is refused with its key and remedy: %s", (_, text, message) => {
    expect(() => parseInventory(text, "fleet.toml")).toThrow(`fleet.toml: hosts.legacy.ssh.${message}`);
  });
});
