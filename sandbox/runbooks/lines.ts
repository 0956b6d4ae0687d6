/** Steps as they are typed: for a real stack on the page, and in a rehearsal for the sandbox. */
import type { Runbook, Step } from "./types.ts";

/** The name of the stack on the page. */
export const REAL_STACK = "production";

/** Replaces words in capitals by their values in the sandbox. */
const filled = (text: string, values: Runbook["values"]): string =>
  text.replaceAll(/\b[A-Z]{3,}\b/g, (word) => values[word] ?? word);

/** Single quotes of POSIX shells. */
const quoted = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** Pulumi's commands that ask before they change something; a rehearsal has nobody to answer. */
const ASKING = /^(tools\/pulumi (?:up|refresh))(?= |$)/;

/**
 * The line that a rehearsal runs for a step: without `run` and the stack's name, as operations.md says, for the
 * sandbox's checkout and machines. Undefined: there is nothing to type.
 *
 * @param checkout the sandbox's checkout of the fleet
 */
export function sandboxLine(
  step: Step,
  { values, checkout }: { readonly values: Runbook["values"]; readonly checkout: string },
): string | undefined {
  if (step.on === "console") return undefined;
  const text = filled(step.text, values);
  if (step.on === "host") return `tools/pantheros sandbox shell ${values["HOST"]} ${text}`;
  if (step.sandboxSkips !== undefined) return undefined;
  return text
    .replaceAll(/(^|[ (])run /g, "$1")
    .replaceAll(` --stack ${REAL_STACK}`, "")
    .replace(ASKING, "$1 --yes --skip-preview --suppress-outputs")
    .replace(/^git (?!clone)/, `git -C ${quoted(checkout)} `)
    .replace(/^nix /, "tools/pantheros sandbox exec nix ");
}

/** A step's text in the sandbox, for a step that is done in a console. */
export const sandboxText = (step: Step, values: Runbook["values"]): string => filled(step.text, values);
