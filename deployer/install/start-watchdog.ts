/** Starts the cleanup watchdog of an installation (watchdog.ts) and sends it messages. */
import { spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { PROGRAMS } from "../programs.ts";

export interface Watchdog {
  /** Reports a process group that must end when this program is killed. The returned function reports its end. */
  started(group: number): () => void;
  /** Ends the watchdog, which closes port 22. Returns why that failed, or undefined. */
  close(): Promise<string | undefined>;
}

/** Seconds that an installation waits for port 22 to be closed. The watchdog continues after that. */
const CLOSE_SECONDS = 90;

/**
 * The watchdog is no child of this process and leads a session of its own, so it survives when this program's process tree or group is
 * killed. `sshRule`: the temporary SSH rule that it removes; without one it only ends process groups.
 */
export function startWatchdog(sshRule: object | undefined): Watchdog {
  const child = spawn("/bin/sh", ["-c", '"$@" & exit 0', "sh", process.execPath, PROGRAMS.installWatchdog], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore", "pipe"],
    env: {
      ...process.env,
      PANTHEROS_WATCHDOG: JSON.stringify({ ...(sshRule !== undefined && { sshRule }) }),
    },
  });
  const messages = child.stdio[3] as Writable;
  messages.on("error", () => {}); // it was killed; `close` reports that
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const ended = new Promise<void>((resolve) => child.stdout?.on("close", resolve));
  child.on("error", () => {});
  return {
    started(group) {
      messages.write(`started ${group}\n`);
      return () => messages.write(`ended ${group}\n`);
    },
    async close() {
      messages.write("close\n");
      const timeout = new Promise<void>((resume) => setTimeout(resume, CLOSE_SECONDS * 1000).unref());
      await Promise.race([ended, timeout]);
      const answer = output.trim();
      if (answer === "closed") return undefined;
      return answer === "" ? "its watchdog did not answer" : answer;
    },
  };
}
