/** Server-sent events that name the newest revision, so that a page knows when it is old. */
import type { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { Services } from "../services.ts";

/** A comment on an idle event stream, so that proxies and browsers keep it open. */
const KEEP_ALIVE_MS = 20_000;

export function addLive(app: Hono, { collector }: Services): void {
  app.get("/live", (context) =>
    streamSSE(context, async (stream) => {
      const send = (revision: number) =>
        void stream.writeSSE({ event: "revision", data: String(revision) }).catch(() => stream.abort());
      const unsubscribe = collector.subscribe(send);
      const keepAlive = setInterval(
        () => void stream.write(": idle\n\n").catch(() => stream.abort()),
        KEEP_ALIVE_MS,
      );
      send(collector.snapshot.revision);
      await new Promise<void>((done) => stream.onAbort(done));
      clearInterval(keepAlive);
      unsubscribe();
    }),
  );
}
