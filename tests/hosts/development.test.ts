import { loadInventory } from "../../inventory/load.ts";
import { evaluatedHosts, unitValues } from "./written.ts";

const inventory = loadInventory("nix/fleet.toml");
const hosts = evaluatedHosts();

test("only hosts with the profile devhost are for development, and databases for projects are off", () => {
  for (const { name, development } of hosts) {
    const profile = inventory.hosts[name]?.profiles.includes("devhost") === true;
    expect([name, development !== null]).toEqual([name, profile]);
    if (development === null) continue;
    expect([name, development.podman, development.databases]).toEqual([name, true, false]);
    const templates = development.git.flatMap(({ init }) => init?.["templateDir"] ?? []);
    expect([name, templates]).toEqual([name, [expect.stringMatching(/check-hook\/share\/git-template$/)]]);
  }
});

test("people at a machine reach every other host by its name, and servers reach none that way", () => {
  const deployed = Object.entries(inventory.hosts).filter(([, { provider }]) => provider.kind !== "image");
  for (const { name, ssh, desktop, development } of hosts) {
    const known = [...ssh.matchAll(/^Host ([a-z0-9-]+)$/gm)].map(([, host]) => host);
    const expected = deployed.map(([host]) => host).filter((host) => host !== name);
    const person = desktop !== null || development !== null;
    expect([name, known]).toEqual([name, person ? expected.toSorted() : []]);
  }
});

test("a machine that people sit at is scanned within the inventory's budget", () => {
  for (const { name, units, desktop } of hosts) {
    const unit = units["pantheros-hardware-scan.service"]?.text;
    expect([name, unit !== undefined]).toEqual([name, desktop !== null]);
    if (unit !== undefined)
      expect(unitValues(unit, "Service", "TimeoutStartSec")).toEqual([
        String(inventory.budgets?.hardwareScanSeconds),
      ]);
  }
});
