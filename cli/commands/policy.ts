import type { Command } from "commander";
import { addNotes } from "../notes.ts";
import { configFileOption, jsonOption, stackOption } from "../options.ts";
import type { PolicyOptions } from "../policy/policy.ts";
import { ROOT } from "../root.ts";

export function addPolicy(program: Command): void {
  const command = program
    .command("policy")
    .description("check the rules of a stack's policy on the inventory, without Pulumi, Nix or a vendor")
    .addOption(stackOption())
    .addOption(jsonOption())
    .addOption(configFileOption())
    .action(async (options: PolicyOptions) => {
      const { policy } = await import("../policy/policy.ts");
      process.exitCode = await policy(options, ROOT);
    });
  addNotes(
    command,
    `Every preview and up checks the same rules first. docs/policy.md has the rules, their levels and
exceptions. The ceiling of the cost is checked by runs only, which ask the vendor for its prices.
Exit code 1: there is a mandatory finding, with which no run would begin.`,
  );
}
