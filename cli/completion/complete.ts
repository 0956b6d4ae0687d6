/**
 * Candidates for the last word of a command line. The shells' scripts run
 * `pantheros __complete WORD...`.
 */

import { readdirSync } from "node:fs";
import type { Argument, Command, Option } from "commander";
import { loadInventory } from "../../inventory/load.ts";
import { planFor } from "../../inventory/plan.ts";
import { SYSTEMS } from "../diff/systems.ts";
import { readStackSettings } from "../stack/config.ts";
import { stackName } from "../stack/name.ts";

export interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** Sources of candidates that the command tree does not contain. */
export interface CandidateSources {
  /** Stacks with a file in the repository. */
  stacks(): readonly string[];
  /** Hosts of a stack, and the labels that select them. Without `stack` it is the default stack. */
  hosts(
    stack: string | undefined,
  ): Promise<{ readonly names: readonly string[]; readonly labels: readonly string[] }>;
}

/** The position of the word that is completed, from the words before it. */
interface Cursor {
  readonly command: Command;
  /** Positional arguments of the command before this word. */
  readonly given: readonly string[];
  /** The previous word, when it is an option that takes this word as its value. */
  readonly option: Option | undefined;
  readonly stack: string | undefined;
}

const takesValue = (option: Option | undefined): option is Option =>
  option !== undefined && (option.required || option.optional);

function cursorOf(program: Command, words: readonly string[]): Cursor {
  let command = program;
  let given: string[] = [];
  let option: Option | undefined;
  let stack: string | undefined;
  for (const word of words) {
    if (option !== undefined) {
      if (option.long === "--stack") stack = word;
      option = undefined;
    } else if (word.startsWith("-")) {
      const [name, value] = word.split(/=(.*)/);
      const found = command.options.find(({ long, short }) => long === name || short === name);
      if (found?.long === "--stack" && value !== undefined) stack = value;
      if (takesValue(found) && value === undefined) option = found;
    } else {
      const child = given.length === 0 ? command.commands.find((each) => each.name() === word) : undefined;
      if (child === undefined) given = [...given, word];
      else command = child;
    }
  }
  return { command, given, option, stack };
}

const plain = (values: readonly string[], description = ""): Candidate[] =>
  values.map((value) => ({ value, description }));

/** Completes the last term of a selection. */
async function selections(current: string, cursor: Cursor, sources: CandidateSources): Promise<Candidate[]> {
  const before = current.slice(0, current.lastIndexOf(",") + 1);
  const { names, labels } = await sources.hosts(cursor.stack);
  return plain([...names, ...labels.map((label) => `@${label}`)].map((term) => `${before}${term}`));
}

async function optionValues(
  option: Option,
  current: string,
  cursor: Cursor,
  sources: CandidateSources,
): Promise<Candidate[]> {
  if (option.long === "--on") return selections(current, cursor, sources);
  if (option.long === "--stack") return plain(sources.stacks());
  return plain(option.argChoices ?? []);
}

async function argumentValues(
  argument: Argument | undefined,
  { command, given, stack }: Cursor,
  sources: CandidateSources,
): Promise<Candidate[]> {
  if (argument?.argChoices !== undefined) return plain(argument.argChoices);
  const name = argument?.name();
  if (name === "from" || name === "to") return plain(Object.keys(SYSTEMS));
  if (name !== "host" && name !== "machine") return [];
  const inSandbox = command.parent?.name() === "sandbox";
  const { names } = await sources.hosts(inSandbox ? "sandbox" : stack);
  return plain(names.filter((host) => !given.includes(host)));
}

/**
 * @param words the command line after the program's name; the last one is completed
 * @returns candidates that begin with the last word
 */
export async function candidates(
  program: Command,
  words: readonly string[],
  sources: CandidateSources,
): Promise<Candidate[]> {
  const current = words.at(-1) ?? "";
  const cursor = cursorOf(program, words.slice(0, -1));
  const { command, given, option } = cursor;
  const help = command.createHelp();
  const found = async (): Promise<Candidate[]> => {
    if (option !== undefined) return optionValues(option, current, cursor, sources);
    const [, flag, value] = /^(--[a-z-]+)=(.*)$/.exec(current) ?? [];
    if (flag !== undefined && value !== undefined) {
      const named = command.options.find(({ long }) => long === flag);
      const known = named === undefined ? [] : await optionValues(named, value, cursor, sources);
      return known.map((each) => ({ ...each, value: `${flag}=${each.value}` }));
    }
    if (current.startsWith("-")) {
      return help
        .visibleOptions(command)
        .map(({ long, short, description }) => ({ value: long ?? short ?? "", description }));
    }
    const children = given.length === 0 ? help.visibleCommands(command) : [];
    const { registeredArguments } = command;
    const last = registeredArguments.at(-1);
    const argument = registeredArguments[given.length] ?? (last?.variadic ? last : undefined);
    return [
      ...children.map((child) => ({ value: child.name(), description: child.description() })),
      ...(await argumentValues(argument, cursor, sources)),
    ];
  };
  return (await found()).filter(({ value }) => value.startsWith(current));
}

/**
 * Sources that read the repository in `root`. A stack that cannot be read has none, because
 * a completion prints no errors.
 */
export function repositorySources(root: string): CandidateSources {
  return {
    stacks: () =>
      readdirSync(root).flatMap((name) => {
        const stack = /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1];
        return stack === undefined ? [] : [stack];
      }),
    hosts: async (given) => {
      try {
        const stack = stackName({ stack: given }, { env: process.env, root, cwd: root });
        process.chdir(root);
        const { fleetFile, environment } = await readStackSettings(stack, root);
        const { hosts } = planFor(loadInventory(fleetFile), environment);
        const labels = hosts.flatMap(({ tags, profiles, wave }) => [...tags, ...profiles, `wave${wave}`]);
        return { names: hosts.map(({ name }) => name), labels: [...new Set(labels)] };
      } catch {
        return { names: [], labels: [] };
      }
    },
  };
}

/** Prints one candidate per line: `VALUE TAB DESCRIPTION`. */
export async function printCandidates(
  program: Command,
  words: readonly string[],
  root: string,
): Promise<void> {
  for (const { value, description } of await candidates(program, words, repositorySources(root))) {
    process.stdout.write(`${value}\t${description}\n`);
  }
}
