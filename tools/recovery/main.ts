/**
 * Finds again what a killed run left at the vendors: `node tools/recovery/main.ts [pulumi options such as --stack NAME]`.
 * Pending creations whose object exists become resources of the stack, the others are forgotten; then the adopted ones
 * are read. Runs inside tools/pulumi, with its environment. Exit code 0: nothing is pending any more.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { adopt, type Exported, pendingCreations, providerInputs } from "./deployment.ts";
import { find } from "./finders.ts";
import { vendorsFrom } from "./vendors.ts";

const MINUTES = 10;
const say = (line: string) => process.stderr.write(`tools/pulumi: ${line}\n`);

process.exitCode = await main(process.argv.slice(2));

async function main(options: readonly string[]): Promise<number> {
  const scratch = mkdtempSync(path.join(tmpdir(), "pantheros-recovery-"));
  try {
    const stack = stackOption(options);
    const before = path.join(scratch, "before.json");
    if (!pulumi(["stack", "export", "--file", before, ...stack])) return 1;
    const exported = JSON.parse(readFileSync(before, "utf8")) as Exported;
    const pending = pendingCreations(exported);
    if (pending.length === 0) return 0;
    say(`an earlier run was stopped while ${pending.length} object(s) were being created: looking for them`);
    const vendors = vendorsFrom(process.env);
    const found = new Map<string, string>();
    for (const resource of pending) {
      const name = resource.urn.split("::").at(-1);
      const finding = await find(vendors, providerInputs(exported, resource), resource);
      if (finding.kind === "found") found.set(resource.urn, finding.id);
      say(
        `  ${name}: ${finding.kind === "found" ? `adopted ${finding.id}` : finding.kind === "removed" ? `removed ${finding.what}` : "not there"}`,
      );
    }
    const after = path.join(scratch, "after.json");
    writeFileSync(after, JSON.stringify(adopt(exported, found)), { mode: 0o600 });
    if (!pulumi(["stack", "import", "--file", after, ...stack])) return 1;
    if (found.size === 0) return 0;
    const targets = [...found.keys()].flatMap((urn) => ["--target", urn]);
    const refreshed = pulumi([
      "refresh",
      "--yes",
      "--skip-preview",
      "--suppress-outputs",
      ...targets,
      ...options,
    ]);
    if (!refreshed) {
      say("the adopted objects could not be read; the state is put back, nothing is lost");
      pulumi(["stack", "import", "--file", before, ...stack]);
    }
    return refreshed ? 0 : 1;
  } catch (error) {
    say(`recovery: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** `stack export` and `stack import` know no other of the options. */
function stackOption(options: readonly string[]): string[] {
  const at = options.indexOf("--stack");
  const name = options[at + 1];
  return at < 0 || name === undefined ? [] : ["--stack", name];
}

/** Runs the CLI; shows what it said when it failed. */
function pulumi(args: readonly string[]): boolean {
  const result = spawnSync("pulumi", [...args, "--non-interactive", "--color", "never"], {
    encoding: "utf8",
    timeout: MINUTES * 60_000,
  });
  if (result.status !== 0) {
    say(`pulumi ${args.slice(0, 2).join(" ")}: ${result.error?.message ?? `exit code ${result.status}`}`);
    process.stderr.write(`${result.stdout}${result.stderr}`);
  }
  return result.status === 0;
}
