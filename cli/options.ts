/** Options that several commands have. */
import { InvalidArgumentError, Option } from "commander";

export const stackOption = (): Option =>
  new Option("-s, --stack <name>", "the stack; without it PULUMI_STACK, then the sandbox");

/** Hidden: tools/pantheros adds it for the sandbox, which has a configuration file of its own. */
export const configFileOption = (): Option =>
  new Option("--config-file <file>", "the stack's configuration file").hideHelp();

export const onOption = (): Option =>
  new Option("--on <selection>", "only these hosts: names, @tags and patterns* separated by commas");

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
