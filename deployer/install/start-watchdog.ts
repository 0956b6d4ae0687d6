/** Starts the guardian of an installation (guardian.ts), and talks to it. */

import { spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { PROGRAMS } from "../programs.ts";

export interface Watchdog {
  /** A process group that must not go on when this program is killed; the function takes it back. */
  started(group: number): () => void;
  /** Ends the guard: port 22 is closed. Says why not when it could not be. */
  close(): Promise<string | undefined>;
}

/** Seconds that an installation waits for its door to be closed; the guardian goes on after that. */
const CLOSE_SECONDS = 90;

/**
 * The guardian is nobody's child and leads a session of its own: killing this program's whole tree or group leaves it alone.
 * `door`: what it closes; without one it only ends process groups.
 */
export function startWatchdog(door: object | undefined): Watchdog {
  const child = spawn("/bin/sh", ["-c", '"$@" & exit 0', "sh", process.execPath, PROGRAMS.installWatchdog], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore", "pipe"],
    env: { ...process.env, PANTHEROS_GUARD: JSON.stringify(door === undefined ? {} : { door }) },
  });
  const line = child.stdio[3] as Writable;
  line.on("error", () => {}); // it was killed: its absence is told by `close`
  let said = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const ended = new Promise<void>((resolve) => child.stdout?.on("close", resolve));
  child.on("error", () => {});
  return {
    started(group) {
      line.write(`started ${group}\n`);
      return () => line.write(`ended ${group}\n`);
    },
    async close() {
      line.write("close\n");
      const late = new Promise<void>((resume) => setTimeout(resume, CLOSE_SECONDS * 1000).unref());
      await Promise.race([ended, late]);
      const answer = said.trim();
      if (answer === "closed") return undefined;
      return answer === "" ? "its guardian did not answer" : answer;
    },
  };
}
