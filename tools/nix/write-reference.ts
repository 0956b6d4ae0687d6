import { writeFileSync } from "node:fs";
import { instantiate } from "./instantiate.ts";
import { type ModuleOption, optionReference } from "./reference.ts";

const options = await instantiate("--arg", "modules", "./nix/modules", "tools/nix/options.nix");
writeFileSync("docs/nix-options.md", optionReference(options as ModuleOption[]));
