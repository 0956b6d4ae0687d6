import { readFileSync } from "node:fs";
import { type ModuleOption, optionReference } from "../../../tools/nix/reference.ts";
import { evaluate } from "./nix.ts";

const options = evaluate(
  '(import (nix + "/../tools/nix/options.nix") { modules = nix + "/modules"; })',
) as ModuleOption[];

test("every option has a description", () => {
  expect(options.length).toBeGreaterThan(150);
  expect(options.filter(({ description }) => description.trim() === "").map(({ name }) => name)).toEqual([]);
});

test("the documents' options exist", () => {
  expect(options.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      "services.tailscale-pantheros.enable",
      "services.tailscale-pantheros.hostType",
      "services.tailscale-pantheros.advertiseRoutes",
      "networking.firewall-pantheros.enable",
      "networking.firewall-pantheros.hostType",
    ]),
  );
});

test("docs/nix-options.md has the options that the modules declare", () => {
  // `make docs` writes it.
  expect(readFileSync("docs/nix-options.md", "utf8")).toBe(optionReference(options));
});

test("no module brings all of lib into scope", () => {
  const files = [...new Set(options.map(({ file }) => `nix/modules/${file}`))];
  expect(files.filter((file) => /\bwith lib\b/.test(readFileSync(file, "utf8")))).toEqual([]);
});
