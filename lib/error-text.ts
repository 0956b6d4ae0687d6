/** Formats the errors that a run prints: the cause first, in few lines. */
import { messageOf } from "./message-of.ts";
import { printable } from "./sanitize.ts";

/** Pulumi's display adds a line `error:`, which makes twelve. */
const MAX_LINES = 11;
/** Lines kept from the end of a message, where the remedy is. */
const LAST_LINES = 2;

/** The SDK prepends this each time an error passes through an input. */
const THROUGH_INPUTS = /^(?:error serializing property "[^"]*": )+/;
/** The SDK prepends this to a provider's error. Source: sdk/nodejs/runtime/invoke.ts. */
const INVOCATION = /^invocation of \S+ returned an error: (?:invoking \S+: )?/;
/** The SDK prints this line before an error that is not a RunError. Source: cmd/run/run.ts. */
const UNHANDLED = /^Running program '.*' failed with an unhandled exception:\n/;
/** The start of an error that refers to itself. Source: Node, util.inspect. */
const REFERENCE = /^<ref \*\d+> /;
/** A line of a stack trace. */
const FRAME = /^\s+at .*?\(?(?:file:\/\/)?(\/[^\s()]+:\d+):\d+\)?/;

/** The message without the prefixes that the SDK adds for each input that it passed through. */
export const withoutInputs = (message: string): string => message.replace(THROUGH_INPUTS, "");

/** A provider's own message, without the prefix that the SDK adds to it. */
export const providerReason = (error: unknown): string => messageOf(error).replace(INVOCATION, "");

/** An unexpected error with the place where it was thrown instead of its stack. */
function unexpectedText(text: string): string {
  const lines = text.split("\n");
  const end = lines.findIndex((line) => FRAME.test(line));
  const cause = (end < 0 ? lines : lines.slice(0, end)).join("\n").replace(REFERENCE, "");
  const places = lines.flatMap((line) => FRAME.exec(line)?.[1] ?? []);
  const place = places.find((file) => !file.includes("/node_modules/")) ?? places[0];
  return `${cause}\nthis error is a fault of the program${place === undefined ? "" : ` (${place})`}: please report it`;
}

/** At most eleven lines, without escape sequences, prefixes and stack traces. */
export function errorText(message: string): string {
  const text = printable(message);
  const shown = UNHANDLED.test(text) ? unexpectedText(text.replace(UNHANDLED, "")) : text;
  const lines = withoutInputs(shown)
    .split("\n")
    .filter((line) => line.trim() !== "");
  if (lines.length <= MAX_LINES) return lines.join("\n");
  const first = lines.slice(0, MAX_LINES - LAST_LINES - 1);
  const left = lines.length - first.length - LAST_LINES;
  return [...first, `(${left} more lines)`, ...lines.slice(-LAST_LINES)].join("\n");
}
