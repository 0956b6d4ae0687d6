import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { type ModuleOption, optionReference } from "./reference.ts";

const listed = execFileSync(
  "nix-instantiate",
  ["--eval", "--strict", "--json", "--arg", "modules", "./nix/modules", "tools/nix/options.nix"],
  { encoding: "utf8" },
);
writeFileSync("docs/nix-options.md", optionReference(JSON.parse(listed) as ModuleOption[]));
