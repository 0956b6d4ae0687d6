import type { Command } from "commander";
import type { ChangedHostsOptions } from "../changed-hosts/changed-hosts.ts";
import { addNotes } from "../notes.ts";
import { jsonOption } from "../options.ts";
import { ROOT } from "../root.ts";

export function addChangedHosts(program: Command): void {
  const command = program
    .command("changed-hosts")
    .description("list the hosts whose systems differ from those of a revision of Git")
    .option("--base <revision>", "the revision to compare with; without it every host counts as changed")
    .addOption(jsonOption())
    .action(async (options: ChangedHostsOptions) => {
      const { printChangedHosts } = await import("../changed-hosts/changed-hosts.ts");
      process.exitCode = await printChangedHosts(options, ROOT);
    });
  addNotes(
    command,
    `It evaluates all hosts of the inventory twice, from the flake's directory as it is and as it was,
and compares the store paths of their systems. Nothing is built. A host that is new or cannot be
evaluated counts as changed, so that its build shows the error. Kept results of evaluations are
used, as in a preview. The flake is nix/, or PANTHEROS_FLAKE. CI builds what it lists:
  tools/pantheros changed-hosts --base origin/main --json`,
  );
}
