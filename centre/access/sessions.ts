/** One-time links, and the sessions that they open. Nothing is kept on disk: a restart ends every session. */
import { createHash, randomBytes } from "node:crypto";

/** A link that nobody opened is of no use after this. */
const LINK_MS = 5 * 60_000;

/** A session ends after this, whatever is done in it. */
export const SESSION_SECONDS = 12 * 3600;

const newToken = (): string => randomBytes(32).toString("base64url");

/** Tokens are looked up by their sum, so that the time of a comparison says nothing about them. */
const keyOf = (token: string): string => createHash("sha256").update(token).digest("hex");

export class Sessions {
  readonly #now: () => number;
  readonly #links = new Map<string, number>();
  readonly #sessions = new Map<string, number>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The token of a new link, which opens one session within five minutes. */
  newLink(): string {
    const token = newToken();
    this.#links.set(keyOf(token), this.#now() + LINK_MS);
    return token;
  }

  /** The token of a new session; undefined when the link is unknown, used or too old. */
  open(link: string): string | undefined {
    const key = keyOf(link);
    const end = this.#links.get(key);
    this.#links.delete(key);
    if (end === undefined || end <= this.#now()) return undefined;
    const token = newToken();
    this.#sessions.set(keyOf(token), this.#now() + SESSION_SECONDS * 1000);
    return token;
  }

  isOpen(token: string): boolean {
    const key = keyOf(token);
    const end = this.#sessions.get(key);
    if (end === undefined) return false;
    if (end > this.#now()) return true;
    this.#sessions.delete(key);
    return false;
  }

  close(token: string): void {
    this.#sessions.delete(keyOf(token));
  }
}
