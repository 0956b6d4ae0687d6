/** Cloudflare API v4: the envelope, its errors, and the spelling of names. */
import { HttpClient, VendorError } from "../framework/http.ts";
import { isObject, type Json, object, objects, type Properties } from "../framework/values.ts";

export class Cloudflare {
  readonly #http: HttpClient;

  constructor(base: string, headers: Record<string, string>) {
    this.#http = new HttpClient({
      base: base.replace(/\/$/, ""),
      headers,
      describe(body) {
        const errors = objects(object(body)["errors"]);
        return {
          code: String(errors[0]?.["code"] ?? ""),
          message: errors.map((error) => String(error["message"] ?? "")).join("; "),
        };
      },
    });
  }

  /** The `result` of the answer. */
  async call(
    signal: AbortSignal,
    method: string,
    path: string,
    content: { body?: Json; query?: Record<string, string> } = {},
  ): Promise<Json> {
    const { json } = await this.#http.request({ method, path, signal, ...content });
    return object(json)["result"] ?? null;
  }

  async find(signal: AbortSignal, path: string): Promise<Properties | undefined> {
    try {
      return object(await this.call(signal, "GET", path));
    } catch (error) {
      if (error instanceof VendorError && error.status === 404) return undefined;
      throw error;
    }
  }
}

function renamed(value: Json, rename: (key: string) => string): Json {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [rename(key), renamed(item, rename)]));
}

/** `matchingType` -> `matching_type`, at every level. */
export const toApi = (value: Json): Json =>
  renamed(value, (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));

/** `matching_type` -> `matchingType`, at every level. */
export const fromApi = (value: Json): Json =>
  renamed(value, (key) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
