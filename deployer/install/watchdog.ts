/**
 * Cleans up after an installation. It survives the installation, which may be killed by any signal: when the pipe between them closes, it
 * kills the commands that the installation had started and closes port 22 again. An installation that ends normally asks for the same
 * with `close`.
 *
 * Started by start-watchdog.ts. Descriptor 3: lines `started GROUP`, `ended GROUP`, `close`. Standard output: `closed`, or why not.
 * Environment: PANTHEROS_WATCHDOG (JSON: the server whose temporary SSH rule is removed, if there is one), the provider's token.
 */
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import * as z from "zod";
import { loadPart } from "../../providers/parts.ts";

const input = z.object({
  sshRule: z
    .object({
      kind: z.string(),
      host: z.string(),
      stack: z.string(),
      server: z.string(),
      settings: z.record(z.string(), z.string()),
    })
    .optional(),
});

/** Seconds for the attempts to close port 22. After that it stays open until the next installation. */
const CLOSE_SECONDS = 600;
const pause = (seconds: number) => new Promise((resume) => setTimeout(resume, seconds * 1000));

const { sshRule } = input.parse(JSON.parse(process.env["PANTHEROS_WATCHDOG"] ?? "{}"));
const groups = new Set<number>();
let closeRequested = false;

function killGroups(): void {
  for (const group of groups) {
    try {
      process.kill(-group, "SIGKILL");
    } catch {
      // it has ended
    }
  }
}

/** Returns why port 22 could not be closed, or undefined. */
async function close(): Promise<string | undefined> {
  if (sshRule === undefined) return undefined;
  const end = Date.now() + CLOSE_SECONDS * 1000;
  for (;;) {
    try {
      const serverAt = await loadPart(sshRule.kind, "install");
      await serverAt(sshRule).close();
      return undefined;
    } catch (error) {
      if (Date.now() > end) return String(error);
    }
    await pause(5);
  }
}

let ending = false;
async function end(): Promise<void> {
  if (!closeRequested) killGroups();
  let problem = await close();
  if (!closeRequested) {
    // The installation may have been killed in the middle of a request that opens it.
    await pause(3);
    problem = await close();
  }
  process.stdout.write(`${problem === undefined ? "closed" : problem.replaceAll("\n", " ")}\n`, () =>
    process.exit(0),
  );
}
const endOnce = (): void => {
  if (ending) return;
  ending = true;
  void end();
};

process.stdout.on("error", () => process.exit(0)); // the reader is gone
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, endOnce);
const lines = createInterface({ input: new Socket({ fd: 3, readable: true, writable: false }) });
lines.on("line", (line) => {
  const [word, group] = line.split(" ");
  if (word === "started") groups.add(Number(group));
  if (word === "ended") groups.delete(Number(group));
  if (word === "close") {
    closeRequested = true;
    endOnce();
  }
});
lines.on("close", endOnce);
