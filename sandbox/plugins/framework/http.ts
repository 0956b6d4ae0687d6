/** A small JSON-over-HTTP client: bounded retries, bounded waits, errors that say what was asked and answered. */
import type { Json } from "./values.ts";

/** What a person does about a vendor that is down, slow or limits requests. */
export const LATER = "; run the same command again when the vendor answers";

/** A vendor's refusal: method, path, status, its own code and message. */
export class VendorError extends Error {
  readonly status: number;
  readonly code: string;

  /** `asked`: how often, where that was more than once. */
  constructor(method: string, path: string, status: number, code: string, message: string, asked = 1) {
    const often = asked > 1 ? `, asked ${asked} times${LATER}` : "";
    super(`${method} ${path}: ${status}${code ? ` ${code}` : ""}${message ? `: ${message}` : ""}${often}`);
    this.name = "VendorError";
    this.status = status;
    this.code = code;
  }
}

interface HttpOptions {
  /** Base address without a trailing slash. */
  base: string;
  headers: Record<string, string>;
  /** Takes the vendor's code and message out of an error body. */
  describe(body: Json): { code: string; message: string };
  /** Vendor codes that also mean "not begun, ask again". */
  repeatCodes?: string[];
  /** Milliseconds one attempt may take (default 60 000). */
  attemptTimeout?: number;
  /** Milliseconds before the first repetition, doubled each time (default 500). */
  backoff?: number;
  /** Attempts in all (default 6). */
  attempts?: number;
}

export interface HttpRequest {
  method: string;
  path: string;
  query?: Record<string, string | number | string[] | undefined>;
  body?: Json;
  /** Sent as it is, instead of JSON. */
  text?: string;
  headers?: Record<string, string>;
  signal: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  headers: Headers;
  text: string;
  json: Json;
}

/** Waits; ends early with the signal's reason. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", abort, { once: true });
  });
}

/** A repeated POST or PATCH might be done twice, so only answers that mean "not begun" are repeated for those. */
export function isRepeatable(method: string, status: number): boolean {
  if (status === 429 || status === 503) return true;
  return status >= 500 && !["POST", "PATCH"].includes(method);
}

/** How long to wait before the next attempt: what the vendor asks for, else doubling, never over 30 seconds. */
export function delayBefore(attempt: number, backoff: number, retryAfter: string | null): number {
  const asked = Number(retryAfter);
  const wait = retryAfter !== null && Number.isFinite(asked) ? asked * 1000 : backoff * 2 ** attempt;
  return Math.min(wait, 30_000);
}

function parse(body: string): Json {
  try {
    return body === "" ? null : (JSON.parse(body) as Json);
  } catch {
    return body;
  }
}

export class HttpClient {
  readonly #options: HttpOptions;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /** Sends one request; throws VendorError on any status from 400 on. */
  async request({ method, path, query, body, text, headers, signal }: HttpRequest): Promise<HttpAnswer> {
    const url = new URL(this.#options.base + path);
    for (const [key, value] of Object.entries(query ?? {})) {
      if (Array.isArray(value)) for (const item of value) url.searchParams.append(key, item);
      else if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const attempts = this.#options.attempts ?? 6;
    for (let attempt = 0; ; attempt += 1) {
      const response = await this.#attempt(url, method, path, body, text, headers, signal);
      const content = await response.text();
      if (response.status < 400) {
        return { status: response.status, headers: response.headers, text: content, json: parse(content) };
      }
      const { code, message } = this.#options.describe(parse(content));
      const repeat = isRepeatable(method, response.status) || this.#options.repeatCodes?.includes(code);
      if (attempt + 1 < attempts && repeat) {
        await pause(
          delayBefore(attempt, this.#options.backoff ?? 500, response.headers.get("retry-after")),
          signal,
        );
        continue;
      }
      throw new VendorError(method, path, response.status, code, message, attempt + 1);
    }
  }

  async #attempt(
    url: URL,
    method: string,
    path: string,
    body: Json | undefined,
    text: string | undefined,
    headers: Record<string, string> | undefined,
    signal: AbortSignal,
  ): Promise<Response> {
    const limit = this.#options.attemptTimeout ?? 60_000;
    const late = AbortSignal.timeout(limit);
    const init: RequestInit = {
      method,
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...this.#options.headers,
        ...headers,
      },
      signal: AbortSignal.any([signal, late]),
    };
    if (body !== undefined || text !== undefined) init.body = text ?? JSON.stringify(body);
    try {
      return await fetch(url, init);
    } catch (error) {
      signal.throwIfAborted();
      if (late.aborted)
        throw new Error(`${method} ${url.origin}${path}: no answer within ${limit / 1000} s${LATER}`);
      const { cause } = error as { cause?: { code?: string; message?: string } };
      const reason = cause?.message || cause?.code || String(error);
      throw new Error(`${method} ${url.origin}${path}: ${reason}`);
    }
  }
}
