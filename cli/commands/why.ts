import { type Command, Option } from "commander";
import { addNotes } from "../notes.ts";
import { configFileOption, jsonOption, stackOption, timeoutOption } from "../options.ts";
import { ROOT } from "../root.ts";
import type { WhyOptions } from "../why/why.ts";

export function addWhy(program: Command): void {
  const command = program
    .command("why")
    .description("show why a host does not run what is wanted, and what to do next")
    .argument("<host>", "name of the host")
    .addOption(stackOption())
    .addOption(new Option("--no-ask", "show the last run's outputs only; connect to no host"))
    .addOption(timeoutOption())
    .addOption(jsonOption())
    .addOption(configFileOption())
    .action(async (host: string, options: Omit<WhyOptions, "host">) => {
      const { why } = await import("../why/why.ts");
      process.exitCode = await why({ ...options, host }, ROOT);
    });
  addNotes(
    command,
    `It prints one line, then the chain of causes, then the commands to run. A cause is a step of the
last deploy that failed, an earlier wave and the host that holds it, a pin, a system that waits for
a reboot, a host that does not answer, drift, failed units, or a checkout that was not deployed. It
reads the outputs of the last run and asks the one host, as \`status\` does; nothing is changed.
Exit code 3: there is a cause other than a pin, a kernel that waits for a reboot, or a checkout
that was not deployed.`,
  );
}
