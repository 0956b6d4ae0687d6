import { fstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../../lib/message-of.ts";
import { parseArguments } from "./arguments.ts";
import { COMMANDS } from "./commands.ts";
import { withFaults } from "./faults.ts";
import { OpError } from "./items.ts";
import { hashToken, readVault } from "./vault-file.ts";

/** The emulated version of `op`. */
const VERSION = "2.31.1";

const HELP = `1Password CLI over the local vault of the sandbox.

  op --version
  op vault get|list
  op item get|list|create|edit|delete
  op read op://vault/item/[section/]field

The vault is $PANTHEROS_VAULT, or vault.json in $PANTHEROS_SANDBOX_DIR. OP_SERVICE_ACCOUNT_TOKEN must be set.
`;

/** Input from a pipe or file; empty for a terminal or without input. */
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

function execute(argv: string[]): void {
  const args = parseArguments(argv);
  const { words, flags } = args;
  if (flags.version) {
    process.stdout.write(`${VERSION}\n`);
    return;
  }
  if (flags.help || words.length === 0) {
    process.stdout.write(HELP);
    return;
  }
  const path =
    process.env.PANTHEROS_VAULT || join(process.env.PANTHEROS_SANDBOX_DIR || ".sandbox", "vault.json");
  authorise(path);
  const name = [words.slice(0, 2).join(" "), words[0] ?? ""].find((each) => each in COMMANDS);
  const command = COMMANDS[name ?? ""];
  if (name === undefined || command === undefined)
    throw new OpError(`unknown command "${words.join(" ")}" for "op"`);
  const rest = words.slice(name.split(" ").length);
  const output = withFaults(path, name, () =>
    command(args, { path, token: process.env.OP_SERVICE_ACCOUNT_TOKEN ?? "", stdin: standardInput }, rest),
  );
  process.stdout.write(output === "" || flags["no-newline"] ? output : `${output}\n`);
}

try {
  execute(process.argv.slice(2));
} catch (error) {
  const time = new Date().toISOString().slice(0, 19).replace("T", " ").replaceAll("-", "/");
  process.stderr.write(`[ERROR] ${time} ${messageOf(error)}\n`);
  process.exitCode = 1;
}
