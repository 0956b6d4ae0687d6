/** Writes the events of one run, from its start to its end. */
import { redacted } from "../preview/reduce.ts";
import { type RunEvent, type RunStart, runEvent } from "./contract.ts";
import { type EngineEvent, EngineReducer, type EngineSummary } from "./engine.ts";

/** Where the events go. */
export interface RunSink {
  readonly dropped: number;
  /** Returns the events that were kept. */
  write(events: readonly RunEvent[]): readonly RunEvent[];
  touch(now: Date): void;
  close(): void;
}

export interface RecorderOptions {
  readonly start: RunStart;
  /** Values that are removed from every text. */
  readonly secrets: readonly string[];
  /** Called with the first event: a command that ends before the engine starts leaves no run. */
  readonly open: () => RunSink;
  /** Gets what was written. */
  readonly kept?: (events: readonly RunEvent[]) => void;
}

export class Recorder {
  readonly #options: RecorderOptions;
  #reducer = new EngineReducer();
  #sink: RunSink | undefined;
  #summary: EngineSummary | undefined;
  #interrupted = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  add(engineEvents: readonly EngineEvent[]): void {
    const events = engineEvents.flatMap((each): readonly RunEvent[] => {
      // The update after a preview.
      if (each.preludeEvent !== undefined) this.#reducer = new EngineReducer();
      const { events, summary } = this.#reducer.reduce(each);
      this.#summary = summary ?? this.#summary;
      this.#interrupted ||= events.some(({ type }) => type === "interrupt");
      return events;
    });
    this.#write(events);
  }

  touch(now: Date): void {
    this.#sink?.touch(now);
  }

  end(now: Date): void {
    if (this.#sink === undefined) return;
    const { seconds, counts } = this.#summary ?? {};
    const { dropped } = this.#sink;
    this.#write([
      {
        type: "end",
        at: now.toISOString(),
        result: this.#result(),
        ...(seconds !== undefined && { seconds }),
        ...(counts !== undefined && { counts: { ...counts } }),
        ...(dropped > 0 && { dropped }),
      },
    ]);
    this.#sink.close();
  }

  #result(): Extract<RunEvent, { type: "end" }>["result"] {
    if (this.#interrupted || this.#summary === undefined) return "interrupted";
    if (!this.#summary.succeeded) return "failed";
    const isOnlyPreview = this.#summary.isPreview && this.#options.start.command !== "preview";
    return isOnlyPreview ? "declined" : "succeeded";
  }

  #write(events: readonly RunEvent[]): void {
    if (events.length === 0) return;
    const { start, secrets, open } = this.#options;
    const first = this.#sink === undefined ? [start] : [];
    this.#sink ??= open();
    // Redacted before it is cut, so that no part of a secret is left at the end of a text.
    const kept = redacted(events, secrets).flatMap((event) => runEvent.safeParse(event).data ?? []);
    const written = this.#sink.write([...first, ...kept]);
    this.#options.kept?.(written);
  }
}
