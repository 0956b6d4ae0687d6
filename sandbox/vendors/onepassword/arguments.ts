/** A parsed command line: words, and flags by their long names. */
export interface Arguments {
  words: string[];
  flags: Record<string, string>;
}

/** Flags without a value. */
const SWITCHES = ["version", "help", "no-newline", "no-color", "reveal", "force", "archive", "cache"];
const SHORT: Record<string, string> = { v: "version", h: "help", n: "no-newline", f: "force" };

/** Parses `--flag value`, `--flag=value`, `-f`. */
export function parseArguments(argv: string[]): Arguments {
  const words: string[] = [];
  const flags: Record<string, string> = {};
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
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
