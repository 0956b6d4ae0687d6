import type { Command } from "commander";
import { addNotes } from "../notes.ts";
import { configFileOption, onOption, stackOption, wholeNumber } from "../options.ts";
import type { RollbackOptions } from "../rollback/rollback.ts";
import { ROOT } from "../root.ts";

export function addRollback(program: Command): void {
  const command = program
    .command("rollback")
    .description("pin hosts to the system that each ran before, and run `pulumi up`")
    .argument("[host...]", "names of hosts")
    .addOption(onOption())
    .option("--wave <n>", "every host of a wave", wholeNumber(1, 99))
    .option("--release", "remove the pins: the hosts follow the flake again")
    .option("--no-up", "only write or remove the pins; the next `tools/pulumi up` acts")
    .addOption(stackOption())
    .addOption(configFileOption())
    .action(async (hosts: string[], options: Omit<RollbackOptions, "hosts">) => {
      const { rollback } = await import("../rollback/rollback.ts");
      process.exitCode = await rollback({ ...options, hosts }, ROOT);
    });
  addNotes(
    command,
    `A host that is rolled back is pinned: pantheros:pins in the stack's configuration names the system.
The host has that system already, so nothing is built or copied. Until the pin is released, previews
show no change for the host. The command first asks each host for its status; if one of them cannot
go back, nothing is changed. Then \`pulumi up\` runs for the whole stack, or with --on for the
selected hosts, and its exit code is this command's. Commit the stack's file afterwards: a run from
another checkout would deploy the flake's system again.`,
  );
}
