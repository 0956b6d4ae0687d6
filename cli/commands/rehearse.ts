import { Argument, type Command } from "commander";
import { RUNBOOK_NAMES } from "../../sandbox/runbooks/names.ts";
import { addNotes } from "../notes.ts";
import { jsonOption, stackOption } from "../options.ts";
import type { RehearseOptions } from "../rehearse/rehearse.ts";
import { ROOT } from "../root.ts";

export function addRehearse(program: Command): void {
  const command = program
    .command("rehearse")
    .description("rehearse recoveries in the sandbox: break a thing, restore it, compare time and target")
    .addArgument(
      new Argument("[runbooks...]", "without any, the runbooks and their last results are listed").choices(
        RUNBOOK_NAMES,
      ),
    )
    .option("--all", "all runbooks; the loss of everything is the last one")
    .option("--list", "list the runbooks, and rehearse none")
    .addOption(stackOption())
    .addOption(jsonOption())
    .action(async (names: string[], options: RehearseOptions) => {
      const { rehearse } = await import("../rehearse/rehearse.ts");
      process.exitCode = await rehearse(names, options, ROOT);
    });
  addNotes(
    command,
    `docs/runbooks.md has the steps for a real stack. A rehearsal starts the sandbox with a fleet of its
own when it must, breaks the thing, shows and does the steps, and checks until everything is
restored. It may be interrupted: the next one, or make sandbox, repairs the sandbox. Every other
stack is refused.

The targets are those of [budgets.recovery] in nix/fleet.toml. Results are kept as
$XDG_STATE_HOME/pantheros/rehearsals/NAME.json (~/.local/state without XDG_STATE_HOME). The exit
code is 1 when something was not restored, or only after the target.`,
  );
}
