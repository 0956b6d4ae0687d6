/**
 * Makes untrusted text safe to print: output of hosts and of commands, and the sshd banner in ssh's error output. It must not
 * control the terminal. None of its lines may look like a line of this program, a workflow command of GitHub (`::error::`, also
 * after blanks) or a code fence in a comment of a pull request.
 */
import { isStorePath } from "./store-path.ts";

/** Before every line of such text. */
const PREFIX = "| ";

/** Longer text is cut to its end. */
const MAX_CHARACTERS = 64 * 1024;

/** C0 and C1 controls, DEL, and characters that change the direction of text or end a line in some programs. */
const CONTROL = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/**
 * Escape sequences of ECMA-48: control strings such as OSC, control sequences (CSI), and short ones. Node's
 * stripVTControlCharacters takes seconds for 64 kB of unterminated sequences; here each part ends where the next begins.
 */
const SEQUENCE = new RegExp(
  [
    String.raw`(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c)?`,
    String.raw`(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?`,
    String.raw`\u001b[ -/]*[0-~]?`,
  ].join("|"),
  "g",
);

/** The start of a line that is a workflow command or a code fence, also after blanks. */
const COMMAND_LINE = /^(?=[^\S\n]*(?:::|```|~~~))/gm;

/**
 * Removes control characters; lines end with a newline, and a tab becomes a blank. A line that would be a command or a fence gets
 * the prefix here already, because Pulumi itself prints outputs and values of the state, with `--diff` line by line. The older
 * form of a command, `##[error]`, is split anywhere in a line.
 */
export const printable = (text: string): string =>
  text
    .slice(-MAX_CHARACTERS)
    .replace(SEQUENCE, "")
    .replace(/\r\n?/g, "\n")
    .replaceAll("\t", " ")
    .replace(CONTROL, (character) => (character === "\n" ? character : ""))
    .replaceAll("##[", "# #[")
    .replace(COMMAND_LINE, PREFIX);

/** The end of a text for a message: at most 12 lines and 1500 characters. */
export function lastLines(text: string, max = 12): string {
  const lines = printable(text)
    .split("\n")
    .filter((line) => line.trim() !== "");
  // Again, because the cut starts a new line.
  return printable(lines.slice(-max).join("\n").slice(-1500));
}

/** The text on one line, for use after words of this program. */
export function oneLine(text: string, max = 300): string {
  const line = printable(text).trim().replace(/\s+/g, " ");
  return line.length <= max ? line : `${line.slice(0, max - 1)}…`;
}

/** The last line that is not blank. */
export const lastLine = (text: string): string => oneLine(lastLines(text, 1));

/** The last 40 lines, each with the prefix; the first one follows `label`, and the others are aligned with it. */
export function quoted(text: string, label = ""): string {
  const margin = " ".repeat(label.length);
  const lines = printable(text)
    .split("\n")
    .filter((line) => line.trim() !== "");
  return (lines.length === 0 ? [""] : lines.slice(-40))
    .map((line, at) => `${at === 0 ? label : margin}${PREFIX}${line.slice(0, 2000)}`)
    .join("\n");
}

/** The path, or a fixed text when it is not a store path. */
export const shownPath = (path: string): string => (isStorePath(path) ? path : "not a store path");
