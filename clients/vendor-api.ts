/** HTTP requests to vendors' APIs: one time limit, one way to repeat a request, one error for all clients. */
import type * as z from "zod";

/** A request that failed for good. The message names vendor, method and path, and holds no token. */
export class VendorError extends Error {
  /** The vendor's code, such as `not_found`. */
  readonly code: string | undefined;
  /** HTTP status; undefined: no answer arrived. */
  readonly status: number | undefined;

  constructor(message: string, { code, status }: { code?: string | undefined; status?: number } = {}) {
    super(message);
    this.name = "VendorError";
    this.code = code;
    this.status = status;
  }
}

export interface RequestOptions {
  readonly fetch?: typeof globalThis.fetch;
  readonly sleep?: (ms: number) => Promise<void>;
  /** Of one request; 4 when left out. */
  readonly maxAttempts?: number;
}

export interface Vendor extends RequestOptions {
  /** Name in messages. */
  readonly vendor: string;
  readonly endpoint: string;
  /** For the header `Authorization`; left out: the requests carry no token. */
  readonly token?: () => string | Promise<string>;
  /** Of that header; Bearer when left out. */
  readonly scheme?: "Bearer" | "Basic";
  /** Reads the body of a refusal. */
  readonly failure: z.ZodType<{ readonly code?: string; readonly message: string }>;
  /** Codes of refusals that pass by themselves. */
  readonly temporary?: readonly string[];
  /** Ends the message of a request that the vendor forbids (401, 403). */
  readonly permissionHint?: string;
}

/** Of one request. */
export const TIMEOUT_SECONDS = 30;
/** Before the second attempt; each further pause is that much longer. */
const PAUSE_MS = 1000;
/** A vendor that asks for a longer pause (Retry-After) gets no further request. */
const MAX_PAUSE_MS = 60_000;
/** Remedy when a proxy, a captive portal or a wrong endpoint answers instead of the vendor. */
const ENDPOINT_HINT = "check the endpoint, and whether a proxy or a login page is in front of it";

/** A vendor's JSON API. Its requests may be repeated, so a client makes only requests that may arrive twice. */
export class VendorApi {
  readonly #vendor: Vendor;
  protected readonly sleep: (ms: number) => Promise<void>;

  constructor(vendor: Vendor) {
    this.#vendor = vendor;
    this.sleep = vendor.sleep ?? ((ms) => new Promise((resume) => setTimeout(resume, ms)));
  }

  /**
   * Makes a request, and repeats it after a network failure, an answer that is not the vendor's, a
   * 429, a 5xx or a temporary refusal. The answer to a GET must be a JSON object: an empty answer
   * is an error, not an empty result. A deletion of something that does not exist succeeds: an
   * earlier attempt may have deleted it.
   * @throws VendorError
   */
  async request(method: string, path: string, body?: object): Promise<unknown> {
    const token = await this.#vendor.token?.();
    const { maxAttempts = 4 } = this.#vendor;
    for (let attempt = 1; ; attempt += 1) {
      const { answer, error, pauseMs } = await this.#attempt(method, path, token, body);
      if (error === undefined) return answer;
      if (pauseMs === undefined || pauseMs > MAX_PAUSE_MS || attempt === maxAttempts) throw error;
      await this.sleep(Math.max(pauseMs, PAUSE_MS * attempt));
    }
  }

  /**
   * Makes a request and checks the shape of its answer.
   * @throws VendorError when the request fails or the shape differs
   */
  protected async read<T>(shape: z.ZodType<T>, method: string, path: string, body?: object): Promise<T> {
    const parsed = shape.safeParse(await this.request(method, path, body));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const where = issue?.path.join(".") || "answer";
    throw new VendorError(
      `${this.#vendor.vendor}: ${method} ${path}: unexpected answer: ${where}: ${issue?.message}; ${ENDPOINT_HINT}`,
    );
  }

  /** `pauseMs`: the request may be repeated, after this time at the earliest. */
  async #attempt(
    method: string,
    path: string,
    token: string | undefined,
    body: object | undefined,
  ): Promise<{ answer?: unknown; error?: VendorError; pauseMs?: number }> {
    const { vendor, endpoint, scheme = "Bearer", failure, temporary = [], permissionHint } = this.#vendor;
    // A token with a line break in it is part of the error that fetch throws.
    const describe = (text: string) =>
      `${vendor}: ${method} ${path}: ${token ? text.replaceAll(token.trim(), "TOKEN") : text}`;
    let response: Response;
    let text: string;
    try {
      response = await (this.#vendor.fetch ?? fetch)(`${endpoint}${path}`, {
        method,
        headers: {
          ...(token !== undefined && { authorization: `${scheme} ${token}` }),
          ...(!(body instanceof URLSearchParams) && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: body instanceof URLSearchParams ? body : JSON.stringify(body) }),
        signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000),
        // A vendor's API never redirects. If fetch followed a redirected POST, it would GET a login page.
        redirect: "manual",
      });
      text = await response.text();
    } catch (error) {
      const certificate = certificateProblem(error);
      if (certificate !== undefined)
        return { error: new VendorError(describe(`${endpoint}: ${certificate}`)) };
      return { error: new VendorError(describe(`${endpoint}: ${networkReason(error)}`)), pauseMs: 0 };
    }
    const { status } = response;
    const answer = parseJson(text);
    if (method === "DELETE" && status === 404) return { answer: {} };
    if (response.ok) {
      if (isObject(answer)) return { answer };
      if (text === "" && method !== "GET") return { answer: {} };
      const what = text === "" ? "empty" : `not the vendor's JSON: ${typeOf(response)}`;
      const problem = `the answer is ${what} (HTTP ${status}); ${ENDPOINT_HINT}`;
      return { error: new VendorError(describe(problem), { status }), pauseMs: 0 };
    }
    if (status < 400) {
      const to = originOf(response.headers.get("location"), endpoint);
      const problem = `the answer redirects to ${to} (HTTP ${status}); ${ENDPOINT_HINT}`;
      return { error: new VendorError(describe(problem), { status }) };
    }
    const { code, message } = failure.safeParse(answer).data ?? { message: text };
    const hint = (status === 401 || status === 403) && permissionHint ? `; ${permissionHint}` : "";
    const statusText = code === undefined ? `HTTP ${status}` : `${code}, HTTP ${status}`;
    const reason = message === "" ? statusText : `${message.slice(0, 300)} (${statusText})`;
    const error = new VendorError(describe(`${reason}${hint}`), { code, status });
    const passes = status === 429 || status >= 500 || temporary.includes(code ?? "");
    return { error, ...(passes && { pauseMs: retryAfterMs(response) }) };
  }
}

/**
 * Why `fetch` got no answer within TIMEOUT_SECONDS. fetch itself says "fetch failed". The cause of a failure at several
 * addresses has a code and no message.
 */
export function networkReason(error: unknown): string {
  const { cause = error } = error as { cause?: unknown };
  const { name, message, code } = cause as { name?: string; message?: string; code?: string };
  return name === "TimeoutError" ? `no answer within ${TIMEOUT_SECONDS} s` : message || code || String(cause);
}

/**
 * Codes of OpenSSL and Node for a certificate that is not trusted. Source: nodejs.org/api/tls.html, "X509
 * certificate error codes".
 */
const CERTIFICATE =
  /^(ERR_TLS_CERT_|CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(GET|VERIFY)_)/;

/** Why the endpoint's certificate is refused, and the remedy; undefined: a different failure. */
function certificateProblem(error: unknown): string | undefined {
  const { code = "", message = "" } =
    (error as { cause?: { code?: string; message?: string } | undefined }).cause ?? {};
  if (!CERTIFICATE.test(code)) return undefined;
  return `the certificate is not trusted: ${message || code}; a proxy that inspects TLS needs its CA's file in NODE_EXTRA_CA_CERTS`;
}

const typeOf = ({ headers }: Response): string => headers.get("content-type") ?? "no content-type";

/** Where a redirection leads, without the query, which can contain a session. */
function originOf(location: string | null, endpoint: string): string {
  try {
    const { origin, pathname } = new URL(location ?? "", endpoint);
    return `${origin}${pathname}`;
  } catch {
    return "an invalid address";
  }
}

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;

/** Seconds or a date. Source: RFC 9110, 10.2.3. */
function retryAfterMs({ headers }: Response): number {
  const text = headers.get("retry-after") ?? "0";
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Math.max(ms || 0, 0);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
