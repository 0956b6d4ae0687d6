import { type Command, InvalidArgumentError, Option } from "commander";
import { addNotes } from "../notes.ts";
import { jsonOption } from "../options.ts";
import type { ReportArgs } from "../report/report.ts";
import { OUTCOMES, secondsOf } from "../report/words.ts";

const list = (value: string, before: string[]): string[] => [...before, value];

type ReportOptions = Omit<ReportArgs, "name" | "outcome"> & {
  readonly outcome: keyof typeof OUTCOMES;
};

function started(text: string): number {
  const seconds = secondsOf(text);
  if (seconds !== undefined) return seconds;
  throw new InvalidArgumentError("It must be seconds since 1970, or a time such as 2026-11-30T08:00:00Z.");
}

export function addReport(program: Command): void {
  const command = program
    .command("report")
    .description("send the figures of a run, such as a deploy in CI, to the monitor")
    .argument("<name>", "what ran: `deploy`, `build`, `tests`")
    .addOption(
      new Option("--outcome <outcome>", "how it ended").choices(Object.keys(OUTCOMES)).makeOptionMandatory(),
    )
    .requiredOption("--started <time>", "when it began: seconds since 1970, or RFC 3339", started)
    .option("--seconds <name=number>", "how long a part of it took; repeatable", list, [])
    .option("--attribute <name=value>", "such as stack=staging; repeatable", list, [])
    .option("--endpoint <url>", "OTLP over HTTP; without it OTEL_EXPORTER_OTLP_ENDPOINT")
    .addOption(jsonOption())
    .action(async (name: string, { outcome, ...options }: ReportOptions) => {
      const { report } = await import("../report/report.ts");
      process.exitCode = await report({ ...options, name, outcome: OUTCOMES[outcome] }, process.env);
    });
  addNotes(
    command,
    `The outcomes are the words of GitHub and of GitLab; \`failed\` is sent as \`failure\`.
It sends one span with these figures as attributes. Without an endpoint it sends nothing and ends
with 0. Example, after a deploy:
  tools/pantheros report deploy --outcome success --started "$began" --attribute stack=staging`,
  );
}
