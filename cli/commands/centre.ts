import type { Command } from "commander";
import type { CentreOptions } from "../centre/centre.ts";
import { addNotes } from "../notes.ts";
import { configFileOption, stackOption, wholeNumber } from "../options.ts";
import { ROOT } from "../root.ts";

const collect = (name: string, names: readonly string[] = []): string[] => [...names, name];

/** Longer than for `status`: no page waits for a host. */
const ANSWER_SECONDS = 10;

export function addCentre(program: Command): void {
  const command = program
    .command("centre")
    .description("serve pages and an API that show a stack's hosts, on loopback, until Ctrl-C")
    .addOption(stackOption())
    .option("--port <n>", "port on 127.0.0.1; 0 takes a free one", wholeNumber(0, 65535), 0)
    .option("--timeout <seconds>", "time in which a host has to answer", wholeNumber(1, 600), ANSWER_SECONDS)
    .option("--state-directory <directory>", "directory of recorded runs and the database")
    .option("--role <name>", "role of the inventory in which its pages act; without it all acts are offered")
    .option("--outputs <file>", "the last run's outputs as JSON, instead of the stack's state")
    .option("--socket <path>", "listen on a Unix socket, for a web server, instead of a port")
    .option("--name <host>", "name under which browsers reach the service; repeatable", collect)
    .addOption(configFileOption())
    .action(async (options: CentreOptions) => {
      const { centre } = await import("../centre/centre.ts");
      process.exitCode = await centre(options, ROOT);
    });
  addNotes(
    command,
    `It prints a link that opens one session. It reads the outputs of the last run, and asks the hosts
while a page is open. To look, PANTHEROS_SSH_KEY may be a key that only reads the status. Acts run
as you: pins and runs with the variables of this shell, and acts on a host with a key of
PANTHEROS_OPERATOR_KEYS, a directory with a private key for each role, named after the role. Without
one a rollback is \`tools/pantheros rollback\`, and no unit can be restarted.

The pages work without JavaScript; with it they follow changes without a reload. Its
database is in the state directory: PANTHEROS_STATE_DIR, or ~/.local/state/pantheros. One centre of
a stack runs at a time for each state directory.

As a service (pantheros.controlCenter of nix/) it prints no link and listens on the sockets that
systemd gives it, or on --socket. With --outputs it needs neither the stack's state nor its file:
only the inventory (PANTHEROS_FLEET), the outputs, and a key for the hosts.`,
  );
}
