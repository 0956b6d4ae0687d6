/** Options that several commands have. */
import { InvalidArgumentError, Option } from "commander";

export const stackOption = (): Option =>
  new Option("-s, --stack <name>", "the stack; without it PULUMI_STACK, then the sandbox");

/** Hidden: tools/pantheros adds it for the sandbox, which has a configuration file of its own. */
export const configFileOption = (): Option =>
  new Option("--config-file <file>", "the stack's configuration file").hideHelp();

export const onOption = (): Option =>
  new Option("--on <selection>", "only these hosts: names, @tags and patterns* separated by commas");

/** Default limit of a host's answer, in seconds; short, so that a dead host delays a command little. */
const ANSWER_SECONDS = 3;

export const timeoutOption = (): Option =>
  new Option("--timeout <seconds>", "time in which a host has to answer")
    .argParser(wholeNumber(1, 600))
    .default(ANSWER_SECONDS);

export const jsonOption = (): Option => new Option("--json", "print JSON");

/** Help text of commands that have `onOption`. */
export const SELECTION_NOTES = `A selection is a list such as web,@server,db-*: names of hosts, @ and a tag of the inventory, a
profile or a wave (@wave2), and patterns in which * stands for any text. Quote patterns, or the
shell expands them.`;

/** A parser of whole numbers; for any other text it throws InvalidArgumentError with the range. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}
