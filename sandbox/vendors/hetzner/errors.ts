import type { ContentfulStatusCode } from "hono/utils/http-status";
import type * as z from "zod";

/** An error of the API, answered as `{"error":{"code","message","details"}}`. Codes: docs.hetzner.cloud, "Errors". */
export class ApiError extends Error {
  readonly code: string;
  readonly status: ContentfulStatusCode;
  readonly details: unknown;

  constructor(status: ContentfulStatusCode, code: string, message: string, details: unknown = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }

  body(): { error: { code: string; message: string; details: unknown } } {
    return { error: { code: this.code, message: this.message, details: this.details } };
  }
}

/** `server_type` -> `server type`, for messages. */
const readable = (kind: string) => kind.replaceAll("_", " ");

export const notFound = (kind: string, id: number | string) =>
  new ApiError(404, "not_found", `${readable(kind)} with ID '${id}' not found`);

export const invalidInput = (field: string, message: string) =>
  new ApiError(422, "invalid_input", `invalid input in field '${field}'`, {
    fields: [{ name: field, messages: [message] }],
  });

export const notUnique = (field: string, message: string) =>
  new ApiError(409, "uniqueness_error", message, { fields: [{ name: field }] });

export const isProtected = (kind: string, what = "deletion") =>
  new ApiError(423, "protected", `${readable(kind)} ${what} is protected`);

export const locked = (kind: string) =>
  new ApiError(423, "locked", `${readable(kind)} is locked: another action is running`);

export const conflict = (code: string, message: string) => new ApiError(409, code, message);

export const unprocessable = (code: string, message: string) => new ApiError(422, code, message);

/** Reports all invalid fields at once, as the vendor does. */
export function fromZod(error: z.ZodError): ApiError {
  const byField = new Map<string, string[]>();
  for (const issue of error.issues) {
    const field = issue.path.map(String).join(".");
    byField.set(field, [...(byField.get(field) ?? []), issue.message]);
  }
  const names = [...byField.keys()].filter((name) => name !== "");
  const message =
    names.length === 0
      ? "invalid input"
      : `invalid input in field${names.length > 1 ? "s" : ""} ${names.map((name) => `'${name}'`).join(", ")}`;
  const fields = [...byField].map(([name, messages]) => ({ name, messages }));
  return new ApiError(422, "invalid_input", message, { fields });
}
