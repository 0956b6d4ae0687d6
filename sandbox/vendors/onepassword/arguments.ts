/** A command line taken apart: words, and flags by their long names. */
export interface Arguments {
  words: string[];
  flags: Record<string, string>;
}

/** Flags without a value. */
const SWITCHES = [
  "version",
  "help",
  "no-newline",
  "no-color",
  "reveal",
  "force",
  "archive",
  "favorite",
  "include-archive",
  "no-masking",
  "cache",
];
const SHORT: Record<string, string> = {
  v: "version",
  h: "help",
  n: "no-newline",
  f: "force",
  o: "out-file",
  i: "in-file",
};

/** Reads `--flag value`, `--flag=value`, `-f`; everything behind `--` stays as it is, as words after a `--` word. */
export function parseArguments(argv: string[]): Arguments {
  const words: string[] = [];
  const flags: Record<string, string> = {};
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
    if (word === "--") {
      words.push(...argv.slice(at));
      break;
    }
    const long = /^--([a-z-]+)(?:=(.*))?$/s.exec(word);
    const short = /^-([a-z])$/.exec(word)?.[1];
    const name = long?.[1] ?? (short === undefined ? undefined : SHORT[short]);
    if (name === undefined) words.push(word);
    else if (long?.[2] !== undefined) flags[name] = long[2];
    else if (SWITCHES.includes(name)) flags[name] = "true";
    else flags[name] = argv[++at] ?? "";
  }
  return { words, flags };
}
