import type { Command } from "commander";
import { addNotes } from "../notes.ts";
import { configFileOption, jsonOption, stackOption } from "../options.ts";
import { ROOT } from "../root.ts";
import type { StackOptions } from "../stack/name.ts";

interface Given extends StackOptions {
  readonly reason: string;
  readonly expires: string;
  readonly key?: string;
  readonly unread?: boolean;
  readonly json?: boolean;
}

export function addApprove(program: Command): void {
  const command = program
    .command("approve")
    .description("sign that this checkout may be deployed before the stack before has confirmed it")
    .requiredOption("--reason <text>", "why it cannot wait; it is published in the outputs")
    .option("--expires <duration>", "for how long the approval counts: 30m, 4h, 2d", "4h")
    .option("--key <file>", "the key that signs; without it a key of the SSH agent")
    .option("--unread", "also counts while the outputs of the stack before cannot be read")
    .addOption(stackOption())
    .addOption(jsonOption())
    .addOption(configFileOption())
    .action(async ({ expires, ...options }: Given) => {
      const { approve, parseDuration } = await import("../approve/approve.ts");
      process.exitCode = await approve({ ...options, expires: parseDuration(expires) }, ROOT);
    });
  addNotes(
    command,
    `An environment with a table [promotion.NAME] in the inventory deploys a tree of nix/ only when
another stack has confirmed it for some time. An approval lets one tree into one stack before that:
it skips the time, and hosts that have not converged. The other stack must have had the tree, unless
its outputs cannot be read and the approval has --unread. Uncommitted files are never deployed.
The key belongs to a user of the inventory (authorized_keys) whose role has the capability
promotion.approve. The file is approvals/STACK.json, or PANTHEROS_APPROVAL.`,
  );
}
