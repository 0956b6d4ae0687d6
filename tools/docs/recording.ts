/**
 * Terminal recordings of the documents: `record` runs commands and records their output, `draw` makes a picture of it.
 *
 *   tools/with node tools/docs/recording.ts record FILE.cast "COMMAND" ["COMMAND"...]
 *   tools/with node tools/docs/recording.ts draw FILE.cast FILE.svg
 *
 * A recording is an asciicast of version 2: a header, then one `[seconds, "o", text]` per line
 * (https://docs.asciinema.org/manual/asciicast/v2/), so that asciinema plays it as well.
 */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Command } from "commander";
import { drawRecording, PROMPT, type PrintedLine, parseRecording, writeRecording } from "./asciicast.ts";

/** Runs the commands one after another, also after a failure. Returns each printed line, with its time in seconds. */
async function record(commands: readonly string[]): Promise<PrintedLine[]> {
  const begin = performance.now();
  const lines: PrintedLine[] = [];
  const add = (text: string) => {
    lines.push({ seconds: (performance.now() - begin) / 1000, text });
    console.log(text);
  };
  for (const command of commands) {
    add(`${PROMPT}${command}`);
    // stdout and stderr share a pipe, which keeps the order of the lines.
    const child = spawn("sh", ["-c", `exec 2>&1; ${command}`], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise((resolve) => child.once("close", resolve));
    for await (const line of createInterface(child.stdout)) add(line);
    await ended;
    add("");
  }
  return lines;
}

const program = new Command("recording").description("Terminal recordings of the documents");
program
  .command("record")
  .argument("<cast>")
  .argument("<commands...>")
  .action(async (cast: string, commands: string[]) => {
    writeFileSync(cast, writeRecording(await record(commands)));
  });
program
  .command("draw")
  .argument("<cast>")
  .argument("<svg>")
  .action((cast: string, svg: string) => {
    writeFileSync(svg, drawRecording(parseRecording(readFileSync(cast, "utf8"), cast)));
  });
await program.parseAsync();
