/** The command line of `tools/pulumi rollback`. */

export const HELP = `tools/pulumi rollback HOST...           back to the system that each host ran before, through its supervisor
tools/pulumi rollback --wave N          the same for every host of a wave
tools/pulumi rollback --release HOST... remove the pin: the host follows the flake again
  --stack S     the stack; without it PULUMI_STACK, then the sandbox
  --no-up       only write the pins; the next \`tools/pulumi up\` acts

A host that is rolled back is pinned: pantheros:pins in the stack's configuration names the system. The host has that
system already, so nothing is built or copied. Until the pin is released, previews show no change for the host.
The command first asks each host for its status; if one of them cannot go back, nothing is changed. Then \`pulumi up\` runs
for the whole stack, and its exit code is this command's. Commit the stack's file afterwards: a run from another checkout
would deploy the flake's system again.
`;

export interface Arguments {
  readonly release: boolean;
  readonly hosts: readonly string[];
  readonly wave: number | undefined;
  readonly stack: string;
  readonly configFile: string | undefined;
  readonly up: boolean;
}

/** The command line is invalid; the message says why. */
export class UsageError extends Error {}

/**
 * @param fallback the stack, if the command line names none
 * @throws UsageError
 */
export function parseArguments(words: readonly string[], fallback: string): Arguments | "help" {
  const hosts: string[] = [];
  let release = false;
  let up = true;
  let stack = fallback;
  let wave: number | undefined;
  let configFile: string | undefined;
  const rest = words.flatMap((word) => {
    const [, option, value] = /^(--[a-z-]+)=(.*)$/.exec(word) ?? [];
    return option === undefined || value === undefined ? [word] : [option, value];
  });
  const argumentOf = (option: string): string => {
    const value = rest.shift();
    if (value === undefined || value === "") throw new UsageError(`${option} needs a value`);
    return value;
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--help" || word === "-h") return "help";
    if (word === "--release") release = true;
    else if (word === "--no-up") up = false;
    else if (word === "--stack" || word === "-s") stack = argumentOf(word);
    else if (word === "--config-file") configFile = argumentOf(word);
    else if (word === "--wave") wave = waveOf(argumentOf(word));
    else if (word.startsWith("-")) throw new UsageError(`unknown option ${word}`);
    else hosts.push(word);
  }
  if (wave === undefined && hosts.length === 0) throw new UsageError("name the hosts, or --wave N");
  if (wave !== undefined && hosts.length > 0) throw new UsageError("give hosts or --wave, not both");
  return { release, hosts: [...new Set(hosts)], wave, stack, configFile, up };
}

function waveOf(text: string): number {
  if (!/^[1-9]\d?$/.test(text)) throw new UsageError(`--wave ${text}: a wave is a number from 1 to 99`);
  return Number(text);
}
