/** A small JSON-over-HTTP client: bounded retries, bounded waits, errors that name request and answer. */
import type { Json } from "./values.ts";

/** The remedy for a vendor that is down, slow or limits requests. */
export const RETRY_HINT = "; run the same command again when the vendor answers";

/** Remedy when something other than the vendor answers. */
const ENDPOINT_HINT = "; check the endpoint, and whether a proxy or a login page is in front of it";

interface VendorErrorParts {
  method: string;
  path: string;
  status: number;
  code: string;
  message: string;
  /** Number of requests, more than one after retries. */
  attempts?: number | undefined;
}

/** A vendor's refusal: method, path, status, its own code and message. */
export class VendorError extends Error {
  readonly status: number;
  readonly code: string;

  constructor({ method, path, status, code, message, attempts = 1 }: VendorErrorParts) {
    const retries = attempts > 1 ? ` after ${attempts} attempts${RETRY_HINT}` : "";
    super(`${method} ${path}: ${status}${code ? ` ${code}` : ""}${message ? `: ${message}` : ""}${retries}`);
    this.name = "VendorError";
    this.status = status;
    this.code = code;
  }
}

interface HttpOptions {
  /** Base address without a trailing slash. */
  base: string;
  headers: Record<string, string>;
  /** The vendor's code and message in an error body. */
  describe(body: Json): { code: string; message: string };
  /** Vendor codes of requests that had no effect and are retried. */
  retryCodes?: string[];
  /** Milliseconds that one attempt may take (default 60 000). */
  attemptTimeout?: number;
  /** Milliseconds before the first retry, doubled each time (default 500). */
  backoff?: number;
  /** Attempts in total (default 6). */
  attempts?: number;
}

export interface HttpRequest {
  method: string;
  path: string;
  query?: Record<string, string | number | string[] | undefined>;
  body?: Json;
  /** Sent unchanged, instead of JSON. */
  text?: string;
  headers?: Record<string, string>;
  /** True: the answer is text or has no body. Otherwise it must be a JSON object or list. */
  rawAnswer?: boolean;
  signal: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  headers: Headers;
  text: string;
  json: Json;
}

/** Waits; rejects with the signal's reason when it is aborted. */
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

/** Whether a request may be retried. A POST or PATCH may have taken effect, unless the status excludes it. */
export function isRetryable(method: string, status: number): boolean {
  if (status === 429 || status === 503) return true;
  return status >= 500 && !["POST", "PATCH"].includes(method);
}

/** Milliseconds before the next attempt: what the vendor requests, or doubling; at most 30 s. */
export function delayBefore(attempt: number, backoff: number, retryAfter: string | null): number {
  const seconds = Number(retryAfter);
  const wait = retryAfter !== null && Number.isFinite(seconds) ? seconds * 1000 : backoff * 2 ** attempt;
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

  /** Sends one request with retries; throws VendorError on a status of 400 or more. */
  async request(request: HttpRequest): Promise<HttpAnswer> {
    const { method, path, query, signal } = request;
    const url = new URL(this.#options.base + path);
    for (const [key, value] of Object.entries(query ?? {})) {
      if (Array.isArray(value)) for (const item of value) url.searchParams.append(key, item);
      else if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const attempts = this.#options.attempts ?? 6;
    for (let attempt = 0; ; attempt += 1) {
      const { response, content } = await this.#attempt(url, request);
      if (response.status < 400) {
        this.#assertAnswer(request, response, content);
        return { status: response.status, headers: response.headers, text: content, json: parse(content) };
      }
      const { code, message } = this.#options.describe(parse(content));
      const retryable = isRetryable(method, response.status) || this.#options.retryCodes?.includes(code);
      if (attempt + 1 < attempts && retryable) {
        await pause(
          delayBefore(attempt, this.#options.backoff ?? 500, response.headers.get("retry-after")),
          signal,
        );
        continue;
      }
      throw new VendorError({ method, path, status: response.status, code, message, attempts: attempt + 1 });
    }
  }

  /**
   * Fails on an answer that is not JSON, as the official clients do; they do not read the answer to
   * a deletion.
   */
  #assertAnswer(
    { method, path, rawAnswer }: HttpRequest,
    { status, headers }: Response,
    content: string,
  ): void {
    if (method === "DELETE" || rawAnswer || status === 204) return;
    const json = parse(content);
    if (typeof json === "object" && json !== null) return;
    const type = headers.get("content-type") ?? "no content-type";
    const what = content === "" ? "is empty" : `is not the vendor's JSON: ${type}`;
    throw new VendorError({ method, path, status, code: "", message: `the answer ${what}${ENDPOINT_HINT}` });
  }

  async #attempt(
    url: URL,
    { method, path, body, text, headers, signal }: HttpRequest,
  ): Promise<{ response: Response; content: string }> {
    const limit = this.#options.attemptTimeout ?? 60_000;
    const timeout = AbortSignal.timeout(limit);
    const init: RequestInit = {
      method,
      headers: {
        accept: "application/json",
        ...(body !== undefined && { "content-type": "application/json" }),
        ...this.#options.headers,
        ...headers,
      },
      signal: AbortSignal.any([signal, timeout]),
    };
    if (body !== undefined || text !== undefined) init.body = text ?? JSON.stringify(body);
    try {
      const response = await fetch(url, init);
      return { response, content: await response.text() };
    } catch (error) {
      signal.throwIfAborted();
      if (timeout.aborted)
        throw new Error(`${method} ${url.origin}${path}: no answer within ${limit / 1000} s${RETRY_HINT}`);
      const { cause } = error as { cause?: { code?: string; message?: string } };
      const reason = cause?.message || cause?.code || String(error);
      throw new Error(`${method} ${url.origin}${path}: ${reason}${RETRY_HINT}`);
    }
  }
}
