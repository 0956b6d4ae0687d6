import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { Command } from "commander";
import { NIX } from "../../deployer/nix.ts";
import { changeLines, inputChanges } from "./inputs.ts";

const LOCK = "nix/flake.lock";
const FAILED = "flake.lock.failed";

const program = new Command("tools/nix/update")
  .description(
    "Updates the inputs of nix/ in nix/flake.lock, and keeps the update only if every host still evaluates and its values are those of the inventory. `make nix-update` runs it.",
  )
  .argument("[inputs...]", "names of inputs in nix/flake.nix (all)")
  .option("--commit", "put a kept update on a new branch, update/DAY, with a line for each input")
  .addHelpText(
    "after",
    `
An update that fails is taken back; the refused lock file is then in ${FAILED}.
Exit codes: 0 updated, or nothing to update; 1 refused, nothing changed; 2 it could not begin.`,
  )
  .parse();
const inputs = program.args;
const { commit } = program.opts<{ commit?: true }>();

function fail(code: number, message: string): never {
  process.stderr.write(`nix-update: ${message}\n`);
  process.exit(code);
}

let running: ChildProcess | undefined;

/** Runs a program with this terminal. */
async function run(argv: readonly string[]): Promise<number> {
  const [command = "", ...args] = argv;
  const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  running = child;
  const { promise, resolve } = Promise.withResolvers<number>();
  child.once("error", (error) => fail(2, `cannot start ${command}: ${error.message}`));
  child.once("exit", (code) => resolve(code ?? 1));
  return await promise;
}

function git(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("git", args, { encoding: "utf8" });
  if (status !== 0) fail(2, `git ${args.join(" ")}: ${stderr.trim()}`);
  return stdout;
}

if (git("status", "--porcelain", "--", "nix").trim() !== "")
  fail(
    2,
    "nix/ has changes that are not committed: commit or stash them, so that an update can be taken back",
  );

const before = readFileSync(LOCK, "utf8");
const takeBack = () => writeFileSync(LOCK, before);
// Whatever ends this program, the checkout has either the old lock file or one that was checked.
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)
  process.once(signal, () => {
    running?.kill(signal);
    takeBack();
    process.exit(code);
  });

if ((await run([...NIX, "flake", "update", ...inputs, "--flake", "path:./nix"])) !== 0) {
  takeBack();
  fail(1, "the inputs could not be updated; nothing changed");
}
const after = readFileSync(LOCK, "utf8");
const lines = changeLines(inputChanges(before, after));
if (lines.length === 0) {
  takeBack();
  console.log("Every input is up to date.");
  process.exit(0);
}
console.log(`${lines.join("\n")}\nEvaluating every host, and comparing its values …`);
if ((await run([process.execPath, "tools/nix/evaluate.ts"])) !== 0) {
  writeFileSync(FAILED, after);
  takeBack();
  fail(
    1,
    `the hosts do not evaluate with these inputs, so ${LOCK} is as it was; the refused one is ${FAILED}. Adapt nix/ to it, or update the inputs one by one (make nix-update INPUT=NAME)`,
  );
}
if (commit === undefined) {
  console.log(
    `Updated ${LOCK}. Commit it, and open a pull request: its previews show what changes on each host.`,
  );
} else {
  const branch = `update/${new Date().toISOString().slice(0, 10)}`;
  git("switch", "--quiet", "--create", branch);
  git("add", "--", LOCK);
  git(
    "commit",
    "--quiet",
    "--message",
    `nix: update ${lines.length} input${lines.length === 1 ? "" : "s"}\n\n${lines.join("\n")}`,
  );
  console.log(`Committed on ${branch}. Push it, and open a pull request.`);
}
