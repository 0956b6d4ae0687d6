/**
 * Foreign text in a comment: names, values, reasons of hosts, errors. It is always an element of
 * code, in which a forge makes no links, mentions or references, and each of its characters that is
 * not a letter, a digit or harmless is a character reference, which Markdown does not read as its own syntax.
 * Source: CommonMark 0.31, "Entity and numeric character references"; GFM, "Autolinks (extension)".
 */
import { printable } from "../../lib/sanitize.ts";
import { cut } from "../values.ts";

/** Letters, digits and characters without a meaning in Markdown, HTML and URLs. */
const HARMLESS = /[\p{L}\p{M}\p{N} ,./()+%;'"=-]/u;

const reference = (character: string): string => `&#${character.codePointAt(0)};`;

/** `www.` is the one start of a link that has harmless characters only. */
const encoded = (line: string): string =>
  [...line]
    .map((character) => (HARMLESS.test(character) ? character : reference(character)))
    .join("")
    .replace(/www\./gi, (text) => `${text.slice(0, -1)}${reference(".")}`);

/** Text on one line, cut to `max` characters. */
export function code(text: string, max = 300): string {
  const line = cut(
    printable(text)
      .replace(/\s*\n\s*/g, " ⏎ ")
      .trim(),
    max,
  );
  return line === "" ? "" : `<code>${encoded(line)}</code>`;
}

/** Text of several lines. A line that is blank would end the element, so it has a blank character. */
export function pre(text: string, max = 2000): string {
  const lines = cut(printable(text).trim(), max).split("\n");
  return `<pre>${lines.map((line) => (line.trim() === "" ? "&#32;" : encoded(line))).join("\n")}</pre>`;
}

/** A table; cells are Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** A block that is closed until it is clicked. */
export const details = (summary: string, body: string): string =>
  `<details><summary>${summary}</summary>\n\n${body}\n\n</details>`;

/** `1 host`, `2 hosts`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
