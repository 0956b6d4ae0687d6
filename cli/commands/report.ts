import { type Command, Option } from "commander";
import { addNotes } from "../notes.ts";
import { jsonOption, wholeNumber } from "../options.ts";
import type { ReportArgs } from "../report/report.ts";

const list = (value: string, before: string[]): string[] => [...before, value];

export function addReport(program: Command): void {
  const command = program
    .command("report")
    .description("send the figures of a run, such as a deploy in CI, to the monitor")
    .argument("<name>", "what ran: `deploy`, `build`, `tests`")
    .addOption(
      new Option("--outcome <outcome>", "how it ended")
        .choices(["success", "failure", "cancelled"])
        .makeOptionMandatory(),
    )
    .requiredOption("--started <seconds>", "when it began, in seconds since 1970", wholeNumber(0, 2 ** 40))
    .option("--seconds <name=number>", "how long a part of it took; repeatable", list, [])
    .option("--attribute <name=value>", "such as stack=staging; repeatable", list, [])
    .option("--endpoint <url>", "OTLP over HTTP; without it OTEL_EXPORTER_OTLP_ENDPOINT")
    .addOption(jsonOption())
    .action(async (name: string, options: Omit<ReportArgs, "name">) => {
      const { report } = await import("../report/report.ts");
      process.exitCode = await report({ ...options, name }, process.env);
    });
  addNotes(
    command,
    `It sends one span with these figures as attributes. Without an endpoint it sends nothing and ends
with 0. Example, after a deploy:
  tools/pantheros report deploy --outcome success --started "$began" --attribute stack=staging`,
  );
}
