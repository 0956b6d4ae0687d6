import { statSync } from "node:fs";
import { Agent } from "node:http";
import type { Entry, Journal } from "./journal.ts";
import { readAll, send } from "./upstream.ts";

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

const uploadIdIn = (body: string) => /<UploadId>([^<]+)<\/UploadId>/.exec(body)?.[1];
const beginsUpload = (entry: Pick<Entry, "method" | "target">) =>
  entry.method === "POST" && /[?&]uploads(=|&|$)/.test(entry.target);

/** Sends changes to moto, one at a time, and writes them to the journal. */
export class Backend {
  readonly agent = new Agent({ keepAlive: true });
  readonly #port: number;
  readonly #journal: Journal;
  /** Upload ids before a restart -> the ids of the running moto, since upload ids are not reproducible. */
  readonly #uploads = new Map<string, string>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(port: number, journal: Journal) {
    this.#port = port;
    this.#journal = journal;
  }

  /** Path and query with the upload ids of the running moto. */
  translate(target: string): string {
    return target.replace(/([?&]uploadId=)([^&]+)/, (_, lead: string, id: string) => {
      const known = this.#uploads.get(decodeURIComponent(id));
      return `${lead}${known === undefined ? id : encodeURIComponent(known)}`;
    });
  }

  /**
   * Replays the journal to a moto that has just started. A change that is refused now, such as a retention date
   * in the past, is skipped. Returns the skipped changes.
   */
  async replay(): Promise<string[]> {
    const refused: string[] = [];
    for (const entry of this.#journal.entries) {
      const answer = await this.#deliver(entry);
      const text = answer.body.toString();
      if (answer.status >= 300)
        refused.push(`${entry.method} ${entry.target}: ${answer.status} ${text.slice(0, 300)}`);
      const uploadId = uploadIdIn(text);
      if (entry.uploadId !== undefined && uploadId !== undefined) this.#uploads.set(entry.uploadId, uploadId);
    }
    return refused;
  }

  /** Sends a change to moto; a successful one is in the journal before this resolves. */
  change(entry: Entry): Promise<Answer> {
    const run = async () => {
      const answer = await this.#deliver(entry);
      if (answer.status < 300) {
        const uploadId = beginsUpload(entry) ? uploadIdIn(answer.body.toString()) : undefined;
        this.#journal.append(uploadId === undefined ? entry : { ...entry, uploadId });
      } else {
        this.#journal.discard(entry.n);
      }
      return answer;
    };
    const done = this.#queue.then(run);
    this.#queue = done.catch(() => {});
    return done;
  }

  async #deliver(entry: Entry): Promise<Answer> {
    const seeded = await send(this.#port, this.agent, {
      method: "POST",
      target: `/moto-api/seed?a=${entry.n}`,
      headers: {},
    });
    await readAll(seeded);
    const bodyFile = entry.hasBody ? this.#journal.bodyPath(entry.n) : undefined;
    const message = await send(this.#port, this.agent, {
      method: entry.method,
      target: this.translate(entry.target),
      headers: {
        ...entry.headers,
        "content-length": String(bodyFile === undefined ? 0 : statSync(bodyFile).size),
      },
      ...(bodyFile !== undefined && { bodyFile }),
    });
    return { status: message.statusCode ?? 500, headers: message.headers, body: await readAll(message) };
  }
}
