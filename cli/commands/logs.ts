import type { Command } from "commander";
import type { LogsOptions } from "../logs/logs.ts";
import { addNotes } from "../notes.ts";
import { configFileOption, jsonOption, stackOption, wholeNumber } from "../options.ts";
import { ROOT } from "../root.ts";
import { keyOption, LOGIN_NOTES, userOption } from "../stack/login.ts";

/** A journal on a slow disk takes seconds to search. */
const ANSWER_SECONDS = 20;

export function addLogs(program: Command): void {
  const command = program
    .command("logs")
    .description("show the journal of a host, or of one unit, as plain text")
    .argument("<host>", "name of the host")
    .argument("[unit]", "a unit, such as nginx or backup.timer")
    .option("--since <time>", "only newer lines: 30m, 4h, 2d, or a time such as 2026-01-31")
    .option("-n, --lines <n>", "number of the last lines", wholeNumber(1, 10_000), 100)
    .addOption(stackOption())
    .addOption(userOption())
    .addOption(keyOption())
    .option(
      "--timeout <seconds>",
      "time in which the host has to answer",
      wholeNumber(1, 600),
      ANSWER_SECONDS,
    )
    .addOption(jsonOption())
    .addOption(configFileOption())
    .action(async (host: string, unit: string | undefined, options: Omit<LogsOptions, "host" | "unit">) => {
      const { logs } = await import("../logs/logs.ts");
      process.exitCode = await logs({ ...options, host, unit }, ROOT);
    });
  addNotes(
    command,
    `${LOGIN_NOTES}
The account needs the group systemd-journal, which a role of the inventory gives (\`groups\`).
Control characters are removed, and long lines are cut.`,
  );
}
