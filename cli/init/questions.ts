/** Asks on the terminal for what the command line does not say. Questions go to standard error. */
import { createInterface } from "node:readline/promises";
import { messageOf } from "../../lib/message-of.ts";

export interface Question<T> {
  /** Its option, for messages. */
  readonly option: string;
  readonly text: string;
  /** Taken for an empty answer. */
  readonly fallback?: string | undefined;
  /** @throws Error that says what is allowed; the question is then asked again */
  readonly parse: (answer: string) => T;
}

/** Asks one question until the answer is valid. */
export type Ask = <T>(question: Question<T>) => Promise<T>;

export interface Dialog {
  readonly ask: Ask;
  readonly close: () => void;
}

/** @param input a terminal */
export function dialog(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Dialog {
  const lines = createInterface({ input, output });
  let ended = false;
  lines.once("close", () => {
    ended = true;
  });
  const ask: Ask = async ({ text, fallback, parse }) => {
    const shown = fallback === undefined ? `${text}: ` : `${text} [${fallback}]: `;
    for (;;) {
      if (ended) throw new Error("the input ended; nothing was written");
      const closed = new Promise<never>((_, fail) =>
        lines.once("close", () => fail(new Error("the input ended; nothing was written"))),
      );
      const answer = (await Promise.race([lines.question(shown), closed])).trim() || (fallback ?? "");
      try {
        return parse(answer);
      } catch (error) {
        output.write(`${messageOf(error)}\n`);
      }
    }
  };
  return { ask, close: () => lines.close() };
}
