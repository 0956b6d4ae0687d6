/** The command tree. Completion, the help before set-up and the manual page are derived from it. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { Command, type OutputConfiguration } from "commander";
import { addApprove } from "./commands/approve.ts";
import { addAudit } from "./commands/audit.ts";
import { addBudgets } from "./commands/budgets.ts";
import { addCentre } from "./commands/centre.ts";
import { addChangedHosts } from "./commands/changed-hosts.ts";
import { addComment } from "./commands/comment.ts";
import { addCompletion } from "./commands/completion.ts";
import { addDiff } from "./commands/diff.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addExec } from "./commands/exec.ts";
import { addInit } from "./commands/init.ts";
import { addLogs } from "./commands/logs.ts";
import { addPolicy } from "./commands/policy.ts";
import { addRecover } from "./commands/recover.ts";
import { addRehearse } from "./commands/rehearse.ts";
import { addReport } from "./commands/report.ts";
import { addRollback } from "./commands/rollback.ts";
import { addRuns } from "./commands/run.ts";
import { addRunHistory } from "./commands/runs.ts";
import { addSandbox } from "./commands/sandbox.ts";
import { addStatus } from "./commands/status.ts";
import { addWatch } from "./commands/watch.ts";
import { addWhy } from "./commands/why.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { addNotes } from "./notes.ts";
import { ROOT } from "./root.ts";

const version = (): string =>
  (JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")) as { version: string }).version;

/** @param output where help and errors go, and how wide; standard output and error by default */
export function createProgram(output: OutputConfiguration = {}): Command {
  const program = new Command("pantheros")
    // Subcommands inherit these settings only when they are added afterwards.
    .configureOutput(output)
    .exitOverride()
    // Options after the command given to exec, ssh or shell belong to that command.
    .enablePositionalOptions()
    .description(
      "Run and inspect a fleet of NixOS machines. tools/pulumi is the Pulumi CLI for the same stacks.",
    )
    .version(version(), "-V, --version", "print the version")
    .helpCommand("help [command]", "print the help of a command");
  const codes = EXIT_CODES.map(([code, meaning]) => `  ${code}  ${meaning}`).join("\n");
  addNotes(
    program,
    `Exit codes:\n${codes}\nA command that runs another one, such as \`sandbox ssh\`, ends with its exit code.`,
  );
  addInit(program);
  addDoctor(program);
  addStatus(program);
  addWatch(program);
  addWhy(program);
  addDiff(program);
  addLogs(program);
  addExec(program);
  addBudgets(program);
  addRuns(program);
  addPolicy(program);
  addChangedHosts(program);
  addComment(program);
  addReport(program);
  addRollback(program);
  addApprove(program);
  addRecover(program);
  addRunHistory(program);
  addCentre(program);
  addAudit(program);
  addSandbox(program);
  addRehearse(program);
  addCompletion(program);
  return program;
}

/** All commands that `--help` shows, with their full names: `["sandbox", "up"]`. */
export function visibleCommands(
  command: Command,
  names: readonly string[] = [],
): readonly { readonly names: readonly string[]; readonly command: Command }[] {
  const help = command.createHelp();
  const below = help
    .visibleCommands(command)
    .filter((child) => child.name() !== "help")
    .flatMap((child) => visibleCommands(child, [...names, child.name()]));
  return [{ names, command }, ...below];
}
