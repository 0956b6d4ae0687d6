/**
 * Text that others wrote, made safe to print: hosts, the commands of the runner, and the sshd banner in ssh's error output. It must not
 * drive the terminal, and none of its lines may look like a line of this program, like a workflow command of GitHub (`::error::`, which
 * counts behind blanks too) or like a code fence in a pull request's comment.
 */

/** Before every line of such text. */
const PREFIX = "| ";

/** Characters that are looked at; of longer text the end is. */
const MOST_CHARACTERS = 64 * 1024;

/** C0 (but for the newline), DEL, C1, and what changes the direction of text or ends a line in some programs. */
const CONTROL = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/**
 * Escape sequences as ECMA-48 has them: a control string (OSC and its like) up to its end, a control sequence (CSI), and the short ones.
 * Node's stripVTControlCharacters takes seconds for 64 kB of sequences that do not end; each part of this one ends where the next begins.
 */
const SEQUENCE = new RegExp(
  [
    String.raw`(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c)?`,
    String.raw`(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?`,
    String.raw`\u001b[ -/]*[0-~]?`,
  ].join("|"),
  "g",
);

/** What begins a workflow command or a code fence at the start of a line, blanks before it or not. */
const COMMAND_LINE = /^(?=[^\S\n]*(?:::|```|~~~))/gm;

/**
 * Without control characters. Lines end with a newline, and a tab is a blank. A line that would be a command or a fence has the prefix
 * already here: Pulumi prints values of the state and outputs in its own way, with `--diff` a line of a text on a line of its own.
 * The older form of a command, `##[error]`, is broken up anywhere in a line.
 */
export const printable = (text: string): string =>
  text
    .slice(-MOST_CHARACTERS)
    .replace(SEQUENCE, "")
    .replace(/\r\n?/g, "\n")
    .replaceAll("\t", " ")
    .replace(CONTROL, (character) => (character === "\n" ? character : ""))
    .replaceAll("##[", "# #[")
    .replace(COMMAND_LINE, PREFIX);

/** The end of a text that a person reads: at most 12 lines and 1500 characters. */
export function lastLines(text: string, most = 12): string {
  const lines = printable(text)
    .split("\n")
    .filter((line) => line.trim() !== "");
  // Once more: a cut makes another beginning of a line.
  return printable(lines.slice(-most).join("\n").slice(-1500));
}

/** In one line, for a place behind words of this program. */
export function oneLine(text: string, most = 300): string {
  const line = printable(text).trim().replace(/\s+/g, " ");
  return line.length <= most ? line : `${line.slice(0, most - 1)}…`;
}

/** The last line of it that is not blank. */
export const lastLine = (text: string): string => oneLine(lastLines(text, 1));

/** Lines of their own, at most 40, each with the prefix: the first one behind `label`, the others below it. */
export function quoted(text: string, label = ""): string {
  const margin = " ".repeat(label.length);
  const lines = printable(text)
    .split("\n")
    .filter((line) => line.trim() !== "");
  return (lines.length === 0 ? [""] : lines.slice(-40))
    .map((line, at) => `${at === 0 ? label : margin}${PREFIX}${line.slice(0, 2000)}`)
    .join("\n");
}

const STORE_PATH = /^\/nix\/store\/[0-9a-z]{32}-[A-Za-z0-9+._?=-]{1,211}$/;

export const isStorePath = (text: string): boolean => STORE_PATH.test(text);

/** A store path, or that it is none. */
export const shownPath = (path: string): string => (isStorePath(path) ? path : "not a store path");
