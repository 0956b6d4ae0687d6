/**
 * Reports a run to a control centre elsewhere, as it goes on. PANTHEROS_CENTRE is its address, PANTHEROS_CENTRE_TOKEN_FILE
 * the file of a token that may only report (`run.report`). The run does not wait for it, and its trouble is a warning.
 */
import { readFileSync } from "node:fs";
import { messageOf } from "../lib/message-of.ts";
import { oneLine } from "../lib/sanitize.ts";
import type { RunEvent } from "./contract.ts";

/** Time between two tries, and the time in which the last events may arrive after the end of the run. */
const RETRY_MS = 2000;
const LAST_MS = 5000;
const ANSWER_MS = 5000;
/** Events of one request. */
const MAX_EVENTS = 500;

export interface ReporterOptions {
  /** Such as `https://centre.example.com`. */
  readonly address: string;
  readonly token: string;
  readonly id: string;
  /** Prints a line of warning. */
  readonly warn: (line: string) => void;
  readonly retryMs?: number;
}

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #url: URL;
  readonly #events: RunEvent[] = [];
  #next = 0;
  #isOver = false;
  #isRefused = false;
  #sending: Promise<void> | undefined;
  #trouble: string | undefined;

  /** @throws Error when the address is none, or would send the token in plain text to another machine */
  constructor(options: ReporterOptions) {
    this.#options = options;
    const base = new URL(options.address);
    const isLocal = ["127.0.0.1", "[::1]", "localhost"].includes(base.hostname);
    if (base.protocol !== "https:" && !(base.protocol === "http:" && isLocal))
      throw new Error(`PANTHEROS_CENTRE is ${oneLine(options.address)}: it must begin with https://`);
    this.#url = new URL(`/api/v1/runs/${options.id}/events`, base);
  }

  add(events: readonly RunEvent[]): void {
    this.#events.push(...events);
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Shows that the run goes on. */
  touch(): void {
    if (this.#sending === undefined && !this.#isRefused) void this.#post([]).catch(() => {});
  }

  /** Waits for the last events to arrive, at most five seconds, and warns when they did not. */
  async close(): Promise<void> {
    this.#isOver = true;
    await this.#sending;
    if (this.#next < this.#events.length)
      this.#options.warn(`the control centre did not get this run: ${this.#trouble ?? "no answer"}`);
  }

  async #send(): Promise<void> {
    let last: number | undefined;
    while (this.#next < this.#events.length && !this.#isRefused) {
      try {
        this.#next = await this.#post(this.#events.slice(this.#next, this.#next + MAX_EVENTS));
      } catch (error) {
        this.#trouble = oneLine(messageOf(error));
        if (this.#isOver) last ??= Date.now() + LAST_MS;
        if (this.#isRefused || (last !== undefined && Date.now() > last)) return;
        await new Promise((resume) => setTimeout(resume, this.#options.retryMs ?? RETRY_MS));
      }
    }
  }

  /** Returns the number of the event that the centre expects next. */
  async #post(events: readonly RunEvent[]): Promise<number> {
    const answer = await fetch(this.#url, {
      method: "POST",
      headers: { authorization: `Bearer ${this.#options.token}`, "content-type": "application/json" },
      body: JSON.stringify({ from: this.#next, events }),
      redirect: "error",
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const body: unknown = await answer.json().catch(() => undefined);
    const { next, title, detail } = (body ?? {}) as Readonly<Record<string, unknown>>;
    if (answer.ok && typeof next === "number" && next > this.#next - 1) return next;
    // Only these may be different at the next try.
    this.#isRefused = answer.status < 500 && ![408, 429].includes(answer.status);
    throw new Error(
      `${answer.status} ${[title, detail].filter((text) => typeof text === "string").join(": ")}`,
    );
  }
}

/** The reporter of this environment; undefined when no control centre is set. @throws Error that names the variable */
export function reporterFrom(
  env: NodeJS.ProcessEnv,
  options: Pick<ReporterOptions, "id" | "warn">,
): Reporter | undefined {
  const { PANTHEROS_CENTRE: address, PANTHEROS_CENTRE_TOKEN_FILE: file } = env;
  if (!address) return undefined;
  if (!file)
    throw new Error(
      "PANTHEROS_CENTRE_TOKEN_FILE is not set: it names the file of a token that has run.report",
    );
  const token = readFileSync(file, "utf8").trim();
  return new Reporter({ ...options, address, token });
}
