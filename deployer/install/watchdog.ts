/**
 * Outlives an installation that is killed, by whatever signal: it holds the other end of a pipe, and when that breaks it ends
 * what the installation had started and closes port 22 again. An installation that ends by itself asks it to do the same.
 *
 * Started by guard.ts. Descriptor 3: lines `started GROUP`, `ended GROUP`, `close`. Standard output: `closed`, or why not.
 * Environment: PANTHEROS_GUARD (JSON: the door, if there is one), HCLOUD_TOKEN.
 */
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import * as z from "zod";
import { HetznerApi } from "../../clients/hetzner/api.ts";
import { removeSshRule } from "../../clients/hetzner/temporary-ssh-rule.ts";

const guarded = z.object({
  door: z.object({ endpoint: z.string(), stack: z.string(), host: z.string() }).optional(),
});

/** Seconds it goes on trying to close the door; the next installation sweeps what is left then. */
const CLOSE_SECONDS = 600;
const pause = (seconds: number) => new Promise((resume) => setTimeout(resume, seconds * 1000));

const { door } = guarded.parse(JSON.parse(process.env["PANTHEROS_GUARD"] ?? "{}"));
const groups = new Set<number>();
let asked = false;

function endGroups(): void {
  for (const group of groups) {
    try {
      process.kill(-group, "SIGKILL");
    } catch {
      // ended meanwhile
    }
  }
}

/** Says how it went; undefined: closed. */
async function close(): Promise<string | undefined> {
  if (door === undefined) return undefined;
  const api = new HetznerApi({ endpoint: door.endpoint, token: process.env["HCLOUD_TOKEN"] ?? "" });
  const end = Date.now() + CLOSE_SECONDS * 1000;
  for (;;) {
    try {
      await removeSshRule(api, door);
      return undefined;
    } catch (error) {
      if (Date.now() > end) return String(error);
    }
    await pause(5);
  }
}

let ending = false;
async function end(): Promise<void> {
  if (!asked) endGroups();
  let trouble = await close();
  if (!asked) {
    // A request to open it may have been on its way when the installation was killed.
    await pause(3);
    trouble = await close();
  }
  process.stdout.write(`${trouble === undefined ? "closed" : trouble.replaceAll("\n", " ")}\n`, () =>
    process.exit(0),
  );
}
const endOnce = (): void => {
  if (ending) return;
  ending = true;
  void end();
};

process.stdout.on("error", () => process.exit(0)); // nobody is there to be told
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, endOnce);
const lines = createInterface({ input: new Socket({ fd: 3, readable: true, writable: false }) });
lines.on("line", (line) => {
  const [word, group] = line.split(" ");
  if (word === "started") groups.add(Number(group));
  if (word === "ended") groups.delete(Number(group));
  if (word === "close") {
    asked = true;
    endOnce();
  }
});
lines.on("close", endOnce);
