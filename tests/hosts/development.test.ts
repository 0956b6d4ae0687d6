import { loadInventory } from "../../inventory/load.ts";
import { evaluatedHosts } from "./written.ts";

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
