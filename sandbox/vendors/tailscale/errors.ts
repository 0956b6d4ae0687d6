import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** `{"message": …, "data": […]}`, the error form of the API (`APIError` of tailscale-client-go). */
export class TailscaleError extends Error {
  readonly status: ContentfulStatusCode;
  readonly data: { user: string; errors: string[] }[];

  constructor(
    status: ContentfulStatusCode,
    message: string,
    data: { user: string; errors: string[] }[] = [],
  ) {
    super(message);
    this.status = status;
    this.data = data;
  }

  body(): object {
    return this.data.length === 0 ? { message: this.message } : { message: this.message, data: this.data };
  }
}

export const bad = (message: string) => new TailscaleError(400, message);
export const notFound = () => new TailscaleError(404, "not found");

export async function readObject(context: Context): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse((await context.req.text()) || "{}");
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Falls through: invalid JSON has the same answer as JSON that is not an object.
  }
  throw bad("invalid request body");
}

/** A list of strings under a key; empty when it is absent or null. */
export function strings(body: Record<string, unknown>, key: string): string[] {
  const value = body[key] ?? [];
  if (!Array.isArray(value) || value.some((each) => typeof each !== "string"))
    throw bad(`${key} must be a list of strings`);
  return value as string[];
}
