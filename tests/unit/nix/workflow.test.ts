import { readdirSync, readFileSync } from "node:fs";
import { loadInventory } from "../../../inventory/load.ts";
import { evaluate } from "./nix.ts";

test("the workflow runs every machine test", () => {
  const workflow = readFileSync(".github/workflows/nix.yml", "utf8");
  const listed = /machine: \[([^\]]*)\]/.exec(workflow)?.[1]?.split(", ");
  const files = readdirSync("nix/checks").filter((file) => file.endsWith(".nix") && file !== "default.nix");
  expect(listed).toEqual(files.map((file) => file.replace(/\.nix$/, "")).toSorted());
});

test("the workflow builds every host on a machine of its platform", () => {
  const { hosts } = loadInventory("nix/fleet.toml");
  const runners: Record<string, string> = {
    "x86_64-linux": "ubuntu-24.04",
    "aarch64-linux": "ubuntu-24.04-arm",
  };
  expect(evaluate('import (nix + "/../tools/nix/hosts.nix")')).toEqual(
    Object.entries(hosts)
      .map(([host, { system }]) => ({ host, system, runner: runners[system] }))
      .toSorted((a, b) => (a.host < b.host ? -1 : 1)),
  );
});
