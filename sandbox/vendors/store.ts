import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

/** Replaces a file atomically: a reader or a crash finds the old content or the new. */
export function writeAtomically(path: string, content: string, mode = 0o600): void {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = openSync(temporary, "w", mode);
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

/**
 * One vendor's state in one JSON file. Handlers change `data` in place. `commit` writes the file after a
 * change and runs before a request is answered, so an acknowledged change survives SIGKILL.
 */
export class Store<T extends object> {
  readonly path: string;
  readonly data: T;
  #written: string;

  constructor(path: string, empty: () => T) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.path = path;
    this.#written = existsSync(path) ? readFileSync(path, "utf8") : "";
    // Fields of a later version of the emulator start with their empty value.
    this.data = this.#written === "" ? empty() : { ...empty(), ...(JSON.parse(this.#written) as T) };
  }

  commit(): void {
    const text = `${JSON.stringify(this.data, null, 1)}\n`;
    if (text === this.#written) return;
    writeAtomically(this.path, text);
    this.#written = text;
  }
}
