/** `pantheros why` as text. */
import { table } from "../../lib/table.ts";
import type { Why } from "../../status/why.ts";

/** One line, then the chain of causes, then the commands to run; with a newline at the end. */
export function whyText({ answer, causes, next }: Why): string {
  const rows = causes.flatMap(({ host, kind, text, hint }) => [
    [`  ${host}`, kind, text],
    ...(hint === undefined ? [] : [["", "", `hint: ${hint}`]]),
  ]);
  return [
    answer,
    ...(rows.length === 0 ? [] : ["", ...table(rows)]),
    ...(next.length === 0 ? [] : ["", "next:", ...next.map((command) => `  ${command}`)]),
    "",
  ].join("\n");
}
