/** Tailscale API v2: paths, errors, API keys and OAuth clients (tailscale.com/api). */
import { readFileSync } from "node:fs";
import { type HttpAnswer, HttpClient, type HttpRequest, VendorError } from "../framework/http.ts";
import { type Json, object, type Properties } from "../framework/values.ts";

interface Credentials {
  apiKey?: string;
  oauthClientId?: string;
  oauthClientSecret?: string;
}

/** A value that begins with `file:` is the path of a file that holds it. */
export const fromFile = (value: string): string =>
  value.startsWith("file:") ? readFileSync(value.slice(5), "utf8").trim() : value;

export class Tailscale {
  readonly #http: HttpClient;
  readonly #base: string;
  readonly #tailnet: string;
  readonly #credentials: Credentials;
  #token: { value: string; until: number } | undefined;

  constructor(base: string, tailnet: string, credentials: Credentials) {
    this.#base = base.replace(/\/$/, "");
    this.#tailnet = tailnet;
    this.#credentials = credentials;
    this.#http = new HttpClient({
      base: `${this.#base}/api/v2`,
      headers: {},
      describe: (body) => ({ code: "", message: String(object(body)["message"] ?? "") }),
    });
  }

  async #authorization(signal: AbortSignal): Promise<string> {
    const { apiKey, oauthClientId = "", oauthClientSecret = "" } = this.#credentials;
    if (apiKey) return `Basic ${Buffer.from(`${apiKey}:`).toString("base64")}`;
    if (!this.#token || this.#token.until < Date.now()) {
      const form = new URLSearchParams({ client_id: oauthClientId, client_secret: oauthClientSecret });
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const answer = await this.#http.request({
        method: "POST",
        path: "/oauth/token",
        text: form.toString(),
        headers,
        signal,
      });
      const { access_token, expires_in } = object(answer.json);
      this.#token = { value: String(access_token), until: Date.now() + Number(expires_in ?? 3600) * 900 };
    }
    return `Bearer ${this.#token.value}`;
  }

  async request(request: HttpRequest): Promise<HttpAnswer> {
    const authorization = await this.#authorization(request.signal);
    return this.#http.request({ ...request, headers: { authorization, ...request.headers } });
  }

  /** A path under the tailnet. */
  tailnet(path: string): string {
    return `/tailnet/${encodeURIComponent(this.#tailnet)}${path}`;
  }

  async call(signal: AbortSignal, method: string, path: string, body?: Json): Promise<Properties> {
    const { json } = await this.request({ method, path, signal, ...(body !== undefined && { body }) });
    return object(json);
  }

  async find(signal: AbortSignal, path: string): Promise<Properties | undefined> {
    try {
      return await this.call(signal, "GET", path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}

export const isMissing = (error: unknown): boolean => error instanceof VendorError && error.status === 404;
