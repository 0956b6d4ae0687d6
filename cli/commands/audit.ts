import { type Command, Option } from "commander";
import type { AuditOptions, VerifyOptions } from "../audit/audit.ts";
import { addNotes } from "../notes.ts";
import { configFileOption, jsonOption, stackOption, wholeNumber } from "../options.ts";
import { ROOT } from "../root.ts";

const stateOption = (): Option =>
  new Option("--state-directory <directory>", "directory of the control centre's database");

export function addAudit(program: Command): void {
  const command = program
    .command("audit")
    .description("show who did what through the control centre of a stack")
    .option("-n, --lines <n>", "number of the newest records", wholeNumber(1, 100_000), 20)
    .addOption(stackOption())
    .addOption(stateOption())
    .addOption(jsonOption())
    .addOption(configFileOption())
    .action(async (options: AuditOptions) => {
      const { audit } = await import("../audit/audit.ts");
      process.exitCode = audit(options, ROOT);
    });
  addNotes(
    command,
    `It reads the database of the control centre on this computer, also while the centre runs. Each act
has two records: one before it begins, and one with its result. Times are UTC.`,
  );
  const verify = command
    .command("verify")
    .description("check that no record of the audit log was changed or removed")
    .option("--journal <file>", "compare with the records in a journal; - reads standard input")
    .addOption(stackOption())
    .addOption(stateOption())
    .addOption(jsonOption())
    .addOption(configFileOption())
    .action(async (_: object, self: Command) => {
      const { verify: check } = await import("../audit/audit.ts");
      process.exitCode = await check(self.optsWithGlobals<VerifyOptions>(), ROOT);
    });
  addNotes(
    verify,
    `Each record has the hash of the one before, and a copy in a file beside the database. Whoever can
write both can make a new chain, so compare with a place that they cannot write, such as the
journal of the service:
  journalctl -u pantheros-centre -o cat | tools/pantheros audit verify --journal -
Exit code 1: the log does not verify.`,
  );
}
