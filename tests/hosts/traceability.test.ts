import { readFileSync } from "node:fs";
import { loadInventory } from "../../inventory/load.ts";
import { evaluatedHosts, type Host } from "./written.ts";

const inventory = loadInventory("nix/fleet.toml");
const document = readFileSync("docs/traceability.md", "utf8");
const hosts = evaluatedHosts().filter(({ name }) => inventory.hosts[name]?.provider.kind !== "image");
const having = (profile: "server" | "workstation") => (host: Host) =>
  inventory.hosts[host.name]?.profiles.includes(profile) === true;
const every = () => true;

/** Rows of docs/traceability.md that values of evaluated hosts can show: which hosts, and what must hold on each. */
const rows: readonly (readonly [string, (host: Host) => boolean, (host: Host) => boolean])[] = [
  [
    "N-33",
    every,
    ({ values: { traced } }) =>
      ["nix-command", "flakes"].every((name) => traced["experimental-features"].includes(name)) &&
      traced["auto-optimise-store"],
  ],
  [
    "N-34",
    every,
    ({ values: { traced } }) =>
      traced.gc.automatic &&
      [traced.gc.dates].flat().join() === "weekly" &&
      traced.gc.options === "--delete-older-than 30d",
  ],
  ["N-35", every, ({ values }) => values.traced.defaultLocale === "en_US.UTF-8"],
  [
    "N-36",
    having("workstation"),
    ({ values }) => values.loader.systemdBoot && values.traced.touchEfi && values.traced.timeout === 5,
  ],
  [
    "N-39",
    every,
    ({ values }) =>
      values.accounts["hbohlen"]?.isNormalUser === true &&
      values.accounts["hbohlen"].extraGroups.includes("wheel") &&
      values.traced.shell.includes("fish"),
  ],
  [
    "N-63",
    every,
    ({ values }) =>
      values.traced.hostKeys.map(({ path, type }) => `${type} ${path}`).join() ===
      "ed25519 /etc/ssh/ssh_host_ed25519_key",
  ],
  ["N-64", having("server"), ({ values }) => values.services.fail2ban],
  [
    "N-66",
    every,
    ({ values: { traced } }) =>
      traced.trustedInterfaces.includes("tailscale0") && traced.logRefusedConnections,
  ],
  ["N-71", having("server"), ({ values }) => values.traced.audit],
  ["N-93", having("server"), ({ values }) => values.traced.podman],
  ["P-50", every, ({ values }) => values.services.tailscale],
  ["P-55", every, ({ values }) => values.firewall.allowedUDPPorts.includes(41641)],
];

test.each(rows)("%s is marked as met only when every evaluated host does it", (id, which, holds) => {
  const state = document.match(new RegExp(`^\\| ${id} +\\|[^|]*\\| *(\\w+)`, "m"))?.[1];
  const failing = hosts.filter((host) => which(host) && !holds(host)).map(({ name }) => name);
  expect([id, state === "here", failing]).toEqual([id, failing.length === 0, failing]);
});
