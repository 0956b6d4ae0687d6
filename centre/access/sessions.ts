/** One-time links, and the sessions of people. Nothing is kept on disk: a restart ends every session. */
import { randomBytes } from "node:crypto";
import { sha256 } from "../../lib/sha256.ts";
import { type Identity, ownerIdentity } from "./identity.ts";

/** A link that nobody opened is of no use after this. */
const LINK_MS = 5 * 60_000;

/** A session of a link ends after this, whatever is done in it. */
export const SESSION_SECONDS = 12 * 3600;

/** Tokens are looked up by their sum, so that the time of a comparison says nothing about them. */
const keyOf = sha256;

const newToken = (): string => randomBytes(32).toString("base64url");

export interface Session {
  readonly identity: Identity;
  /** Forms of this session's pages carry it, so that a form of another site does not count. */
  readonly formToken: string;
  /** Asks again who it is and what they may do, before an act; undefined: they may no longer act. */
  readonly renew?: () => Promise<Identity | undefined>;
}

interface Kept<T> {
  readonly value: T;
  /** Milliseconds since 1970. */
  readonly end: number;
}

export class Sessions {
  readonly #now: () => number;
  readonly #links = new Map<string, Kept<Identity>>();
  readonly #sessions = new Map<string, Kept<Session>>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The token of a new link, which opens one session within five minutes. */
  newLink(identity: Identity = ownerIdentity("owner")): string {
    const token = newToken();
    this.#links.set(keyOf(token), { value: identity, end: this.#now() + LINK_MS });
    return token;
  }

  /** The token of a new session; undefined when the link is unknown, used or too old. */
  open(link: string): string | undefined {
    const key = keyOf(link);
    const kept = this.#links.get(key);
    this.#links.delete(key);
    if (kept === undefined || kept.end <= this.#now()) return undefined;
    return this.start(kept.value, SESSION_SECONDS);
  }

  /** The token of a new session that lasts `seconds`. */
  start(identity: Identity, seconds: number, renew?: Session["renew"]): string {
    for (const [key, { end }] of this.#sessions) if (end <= this.#now()) this.#sessions.delete(key);
    const token = newToken();
    const session = { identity, formToken: newToken(), ...(renew !== undefined && { renew }) };
    this.#sessions.set(keyOf(token), { value: session, end: this.#now() + seconds * 1000 });
    return token;
  }

  find(token: string): Session | undefined {
    const key = keyOf(token);
    const kept = this.#sessions.get(key);
    if (kept === undefined) return undefined;
    if (kept.end > this.#now()) return kept.value;
    this.#sessions.delete(key);
    return undefined;
  }

  close(token: string): void {
    this.#sessions.delete(keyOf(token));
  }
}
