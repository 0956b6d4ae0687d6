/** `pantheros logs`: the journal of a host or of one unit, as plain text. */
import { runProcess } from "../../deployer/process/runner.ts";
import { sshArgv, sshHint } from "../../deployer/ssh.ts";
import { lastLine } from "../../lib/sanitize.ts";
import { EXIT_FAILED, EXIT_OK } from "../exit-codes.ts";
import { type LoginOptions, loginOf, loginPeer } from "../stack/login.ts";
import type { StackOptions } from "../stack/name.ts";
import { hostOf, openStack } from "../stack/open.ts";
import { isRestricted, type JournalQuery, journalLines, journalWords } from "./journal.ts";

export interface LogsOptions extends StackOptions, LoginOptions, JournalQuery {
  readonly host: string;
  readonly json?: boolean;
  /** Seconds in which the host has to answer. */
  readonly timeout: number;
}

const warn = (line: string) => process.stderr.write(`pantheros logs: ${line}\n`);

/** Prints the journal and returns the exit code. */
export async function logs({ host, unit, json, ...options }: LogsOptions, root: string): Promise<number> {
  const words = journalWords({ ...options, unit });
  const login = loginOf(options, process.env);
  const opened = await openStack(options, root);
  hostOf(opened, host);
  const peer = loginPeer(opened, host, login);
  if (typeof peer === "string") throw new Error(`${host}: ${peer}`);
  const { exitCode, timedOut, stdout, stderr } = await runProcess({
    argv: sshArgv(peer, words),
    timeoutSeconds: options.timeout,
    ownGroup: false,
  });
  if (timedOut) throw new Error(`${host}: no answer within ${options.timeout} s; --timeout gives it longer`);
  if (exitCode !== 0 && !isRestricted(stderr)) {
    const hint = exitCode === 255 ? sshHint(stderr) : undefined;
    const as = `as ${login.user}${login.identity === undefined ? "" : ` with ${login.identity}`}`;
    warn(`${host}: ${lastLine(stderr) || `journalctl ended with ${exitCode}`} (${as})`);
    if (hint !== undefined) warn(`hint: ${loginHintOf(hint)}`);
    return EXIT_FAILED;
  }
  const lines = journalLines(stdout);
  if (json) {
    const answer = { schemaVersion: 1, host, ...(unit !== undefined && { unit }), lines };
    process.stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`);
  } else {
    process.stdout.write(lines.map((line) => `${line}\n`).join(""));
  }
  if (isRestricted(stderr)) {
    warn(`${host}: ${login.user} sees only its own messages; its role needs the group systemd-journal`);
    return EXIT_FAILED;
  }
  if (lines.length === 0) warn(`${host}: the journal has no line of this`);
  return EXIT_OK;
}

/** ssh's hint names the deploy key, which is not used here. */
const loginHintOf = (hint: string): string =>
  hint.startsWith("the host does not accept this key")
    ? "the host does not accept this login: check --user and --key, and `authorized_keys` of the user in the inventory"
    : hint;
