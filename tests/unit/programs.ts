import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

/** A test's own directory, with its own programs first on PATH. */
export class Programs {
  readonly directory: string;

  constructor(name: string) {
    this.directory = fs.mkdtempSync(path.join(os.tmpdir(), `pantheros-${name}-`));
    fs.mkdirSync(path.join(this.directory, "tmp"));
    fs.mkdirSync(path.join(this.directory, "bin"));
  }

  /** A program that logs its arguments and runs `script`. */
  program(name: string, script: string): void {
    const log = `printf '%s ' "$0" "$@" >>"${this.directory}/log"; echo >>"${this.directory}/log"`;
    const file = path.join(this.directory, "bin", name);
    fs.writeFileSync(file, `#!/bin/sh\n${log}\n${script}\n`, { mode: 0o755 });
  }

  read(name: string): string {
    return fs.readFileSync(path.join(this.directory, name), "utf8");
  }

  /** A line for each program that ran: its path and arguments. */
  logged(): string[] {
    return this.exists("log")
      ? this.read("log")
          .trim()
          .split("\n")
          .map((line) => line.trim())
      : [];
  }

  exists(name: string): boolean {
    return fs.existsSync(path.join(this.directory, name));
  }

  /** Files in its directory for temporary files. */
  leftovers(): string[] {
    return fs.readdirSync(path.join(this.directory, "tmp"));
  }

  environment(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return {
      PATH: `${this.directory}/bin:${process.env["PATH"]}`,
      TMPDIR: path.join(this.directory, "tmp"),
      ...more,
    };
  }

  /** Puts its programs first on this process's PATH; the returned function removes them. */
  enter(): () => void {
    const path = process.env["PATH"];
    process.env["PATH"] = this.environment({})["PATH"];
    return () => {
      process.env["PATH"] = path;
    };
  }

  remove(): void {
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A shell command that prints `json`. */
export const say = (json: unknown): string => `printf '%s\\n' '${JSON.stringify(json)}'`;

/** Waits for a condition; the limit matters only for a broken program. */
export async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !condition(); await new Promise((again) => setTimeout(again, 50))) {
    if (Date.now() > end) throw new Error("it did not get there");
  }
}

export const gone = (pid: number): boolean => {
  try {
    return / Z /.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
};
