import { readdirSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { loadInventory } from "../../../inventory/load.ts";

test("the workflow runs every machine test", () => {
  const workflow = readFileSync(".github/workflows/nix.yml", "utf8");
  const listed = /machine: \[([^\]]*)\]/.exec(workflow)?.[1]?.split(", ");
  const files = readdirSync("nix/checks").filter((file) => file.endsWith(".nix") && file !== "default.nix");
  expect(listed).toEqual(files.map((file) => file.replace(/\.nix$/, "")).toSorted());
});

test("the workflow builds the hosts that a change concerns, each on a machine of its platform", () => {
  const { jobs } = parse(readFileSync(".github/workflows/nix.yml", "utf8")) as {
    jobs: Record<string, { if?: string; "runs-on": string; strategy?: { matrix: { include: string } } }>;
  };
  expect(jobs["hosts"]).toMatchObject({
    // A matrix without entries is an error.
    if: "needs.evaluate.outputs.hosts != '[]'",
    strategy: { matrix: { include: expect.stringContaining("fromJSON(needs.evaluate.outputs.hosts)") } },
    "runs-on": expect.stringContaining(
      "matrix.system == 'aarch64-linux' && 'ubuntu-24.04-arm' || 'ubuntu-24.04'",
    ),
  });
  const systems = Object.values(loadInventory("nix/fleet.toml").hosts).map(({ system }) => system);
  expect(new Set(systems)).toEqual(new Set(["x86_64-linux", "aarch64-linux"]));
});
