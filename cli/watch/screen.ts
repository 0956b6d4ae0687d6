/** The terminal of `watch`: the alternate screen, keys and size. */

/** Sequences of xterm, which all terminals of today have: ctlseqs of xterm, "Private Modes". */
const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
/** Clears to the end of the line, and of the screen. */
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";
/** The terminal shows everything between these at once (mode 2026); others ignore them. */
const BEGIN = "\u001b[?2026h";
const END = "\u001b[?2026l";

const CTRL_C = "\u0003";

/** What is used of the terminal; tests replace it. */
export interface Terminal {
  readonly input: Pick<NodeJS.ReadStream, "setRawMode" | "resume" | "pause" | "isTTY"> & NodeJS.EventEmitter;
  readonly output: Pick<NodeJS.WriteStream, "write" | "columns" | "rows"> & NodeJS.EventEmitter;
}

export class Screen {
  readonly #terminal: Terminal;
  readonly #onKey: (bytes: Buffer) => void;
  readonly #onResize: () => void;
  #isOpen = false;

  /**
   * @param ended called for q and Ctrl-C
   * @param resized called when the terminal has another size
   */
  constructor(terminal: Terminal, ended: () => void, resized: () => void) {
    this.#terminal = terminal;
    this.#onKey = (bytes) => {
      const keys = bytes.toString();
      if (keys.includes("q") || keys.includes(CTRL_C)) ended();
    };
    this.#onResize = resized;
  }

  open(): void {
    const { input, output } = this.#terminal;
    this.#isOpen = true;
    output.write(ENTER);
    output.on("resize", this.#onResize);
    if (!input.isTTY) return;
    // In raw mode Ctrl-C is a key, and what is typed does not appear.
    input.setRawMode(true);
    input.on("data", this.#onKey);
    input.resume();
  }

  /** Overwrites line by line, so that nothing flickers. */
  paint(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const text = lines.map((line) => `${line}${CLEAR_LINE}`).join("\r\n");
    this.#terminal.output.write(`${BEGIN}${HOME}${text}${CLEAR_BELOW}${END}`);
  }

  /** Restores the terminal. A second call does nothing. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { input, output } = this.#terminal;
    output.off("resize", this.#onResize);
    if (input.isTTY) {
      input.off("data", this.#onKey);
      input.setRawMode(false);
      input.pause();
    }
    output.write(LEAVE);
  }
}
