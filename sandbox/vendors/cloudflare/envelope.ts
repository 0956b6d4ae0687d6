import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** An error in the envelope of API v4: `{success:false, errors:[{code,message}], messages:[], result:null}`. */
export class CloudflareError extends Error {
  readonly status: ContentfulStatusCode;
  readonly code: number;

  constructor(status: ContentfulStatusCode, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }

  body() {
    return {
      result: null,
      success: false,
      errors: [{ code: this.code, message: this.message }],
      messages: [],
    };
  }
}

export const bad = (code: number, message: string) => new CloudflareError(400, code, message);

export const answer = (context: Context, result: unknown, info?: object): Response =>
  context.json({
    result,
    success: true,
    errors: [],
    messages: [],
    ...(info !== undefined && { result_info: info }),
  });

/** Answers one page of a list, with `result_info`. */
export function answerPage<T>(context: Context, rows: T[], defaultSize: number, maxSize: number): Response {
  const whole = (key: string, fallback: number) => {
    const value = Number(context.req.query(key) ?? fallback);
    if (!Number.isInteger(value) || value < 1) throw bad(9000, `${key} must be a positive integer`);
    return value;
  };
  const page = whole("page", 1);
  const size = Math.min(whole("per_page", defaultSize), maxSize);
  const cut = rows.slice((page - 1) * size, page * size);
  return answer(context, cut, {
    page,
    per_page: size,
    count: cut.length,
    total_count: rows.length,
    total_pages: Math.ceil(rows.length / size),
  });
}

/** Reads a JSON object from the request. */
export async function readObject(context: Context): Promise<Record<string, unknown>> {
  const text = await context.req.text();
  let value: unknown;
  try {
    value = JSON.parse(text === "" ? "{}" : text);
  } catch {
    throw bad(9207, "Request body is invalid.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw bad(9207, "Request body is invalid.");
  return value as Record<string, unknown>;
}
