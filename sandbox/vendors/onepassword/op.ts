import { spawnSync } from "node:child_process";
import { fstatSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Arguments, parseArguments } from "./arguments.ts";
import { commands } from "./commands.ts";
import { underFaults } from "./faults.ts";
import { OpError } from "./items.ts";
import { readReference } from "./references.ts";
import { hashToken, readVault } from "./vault-file.ts";

/** What the vault file stands in for. */
const VERSION = "2.31.1";

const HELP = `1Password CLI over the local vault of the sandbox.

  op --version
  op whoami
  op vault get|list
  op item get|list|create|edit|delete
  op read op://vault/item/[section/]field
  op inject [-i FILE] [-o FILE]
  op run [--env-file FILE] -- COMMAND

The vault is $PANTHEROS_VAULT, or vault.json in $PANTHEROS_SANDBOX_DIR. OP_SERVICE_ACCOUNT_TOKEN lets in.
`;

/** Input that was piped or redirected; a terminal, or nothing at all, counts as empty. */
function standardInput(): string {
  try {
    const input = fstatSync(0);
    return input.isFIFO() || input.isFile() || input.isSocket() ? readFileSync(0, "utf8") : "";
  } catch {
    return "";
  }
}

function authorise(path: string): void {
  const token = process.env.OP_SERVICE_ACCOUNT_TOKEN ?? "";
  if (token === "") {
    throw new OpError("No accounts configured for use with 1Password CLI.");
  }
  const malformed =
    "Validation: (failed to session.DecodeSACredentials), Server: (failed to DecodeSACredentials), failed to parseToken, format is invalid";
  if (!token.startsWith("ops_")) throw new OpError(`error initializing client: ${malformed}`);
  const known = readVault(path).serviceAccounts.some((account) => account.sha256 === hashToken(token));
  if (!known) throw new OpError("error initializing client: (401) Unauthorized: invalid bearer token");
}

/** `NAME=value` lines of an env file. */
const envFile = (path: string): [string, string][] =>
  readFileSync(path, "utf8")
    .split("\n")
    .map((line) => /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/.exec(line))
    .flatMap((match) =>
      match?.[1] === undefined ? [] : [[match[1], (match[2] ?? "").replaceAll(/^(["'])(.*)\1$/g, "$2")]],
    );

/** Starts a command whose environment has values where there were references. */
function run(args: Arguments, path: string): number {
  const at = args.words.indexOf("--");
  const [command, ...rest] = at < 0 ? args.words.slice(1) : args.words.slice(at + 1);
  if (command === undefined) throw new OpError("a command must be specified");
  const file = readVault(path);
  const given = args.flags["env-file"] === undefined ? [] : envFile(args.flags["env-file"]);
  const environment = [...Object.entries(process.env), ...given].map(([name, value]) => [
    name,
    value?.startsWith("op://") ? readReference(file, value) : value,
  ]);
  const result = spawnSync(command, rest, { stdio: "inherit", env: Object.fromEntries(environment) });
  if (result.error) throw new OpError(`could not run ${command}: ${result.error.message}`);
  return result.status ?? 1;
}

function execute(argv: string[]): number {
  const args = parseArguments(argv);
  const { words, flags } = args;
  if (flags.version) {
    process.stdout.write(`${VERSION}\n`);
    return 0;
  }
  if (flags.help || words.length === 0) {
    process.stdout.write(HELP);
    return 0;
  }
  const path =
    process.env.PANTHEROS_VAULT || join(process.env.PANTHEROS_SANDBOX_DIR || ".sandbox", "vault.json");
  authorise(path);
  if (words[0] === "run") return run(args, path);
  const name = [words.slice(0, 2).join(" "), words[0] ?? ""].find((each) => each in commands);
  const command = commands[name ?? ""];
  if (name === undefined || command === undefined)
    throw new OpError(`unknown command "${words.join(" ")}" for "op"`);
  const inFile = flags["in-file"];
  const around = {
    path,
    json: (flags.format ?? process.env.OP_FORMAT) === "json",
    stdin: () => (inFile === undefined ? standardInput() : readFileSync(inFile, "utf8")),
  };
  const rest = words.slice(name.split(" ").length);
  const output = underFaults(path, name, () => command(args, around, rest));
  const newline = output === "" || flags["no-newline"] || name === "inject" ? "" : "\n";
  if (flags["out-file"] !== undefined)
    writeFileSync(flags["out-file"], `${output}${newline}`, { mode: 0o600 });
  else process.stdout.write(`${output}${newline}`);
  return 0;
}

try {
  process.exitCode = execute(process.argv.slice(2));
} catch (error) {
  const time = new Date().toISOString().slice(0, 19).replace("T", " ").replaceAll("-", "/");
  process.stderr.write(`[ERROR] ${time} ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
