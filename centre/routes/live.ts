/** Server-sent events that name the newest revision, so that a page knows when it is old. */
import type { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { Services } from "../services.ts";

/** A comment on an idle event stream, so that proxies and browsers keep it open. */
const KEEP_ALIVE_MS = 20_000;

interface Source {
  readonly revision: () => number;
  /** Calls the listener at each change until the returned function is called. */
  readonly subscribe: (listener: (revision: number) => void) => () => void;
}

export function addLive(app: Hono, { collector, runs }: Services): void {
  addStream(app, "/live", {
    revision: () => collector.snapshot.revision,
    subscribe: (listener) => collector.subscribe(listener),
  });
  addStream(app, "/live/runs", {
    revision: () => runs.revision,
    subscribe: (listener) => runs.subscribe(listener),
  });
}

function addStream(app: Hono, path: string, source: Source): void {
  app.get(path, (context) =>
    streamSSE(context, async (stream) => {
      const send = (revision: number) =>
        void stream.writeSSE({ event: "revision", data: String(revision) }).catch(() => stream.abort());
      const unsubscribe = source.subscribe(send);
      const keepAlive = setInterval(
        () => void stream.write(": idle\n\n").catch(() => stream.abort()),
        KEEP_ALIVE_MS,
      );
      send(source.revision());
      await new Promise<void>((done) => stream.onAbort(done));
      clearInterval(keepAlive);
      unsubscribe();
    }),
  );
}
