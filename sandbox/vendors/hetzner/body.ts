import type { Context } from "hono";
import * as z from "zod";
import { ApiError, fromZod } from "./errors.ts";
import { labelProblems } from "./labels.ts";

/** Labels, by the vendor's rules for keys and values. */
export const labels = z.record(z.string(), z.string()).superRefine((value, context) => {
  for (const message of labelProblems(value)) context.addIssue({ code: "custom", message });
});

/** Names of resources other than servers: any short text. */
export const resourceName = z.string().min(1).max(255);

/** Body of `change_dns_ptr`; null restores the vendor's default name. */
export const pointerBody = z.object({
  ip: z.union([z.ipv4(), z.ipv6()]),
  dns_ptr: z
    .string()
    .regex(/^(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})+\.?$/, "must be a fully qualified domain name")
    .nullable(),
});

/** An id or a name, for images, server types and SSH keys; an id may be a string of digits. */
export const idOrName = z.union([z.int(), z.string()]).transform((value) => String(value));

/** Reads and checks a JSON body; an absent body is `{}`, as at the vendor. */
export async function readBody<T extends z.ZodType>(context: Context, schema: T): Promise<z.infer<T>> {
  const text = await context.req.text();
  let value: unknown;
  try {
    value = text === "" ? {} : JSON.parse(text);
  } catch {
    throw new ApiError(400, "json_error", "invalid JSON in request body");
  }
  const result = schema.safeParse(value ?? {});
  if (!result.success) throw fromZod(result.error);
  return result.data;
}

/**
 * Applies a `PUT` to a resource that has only a name and labels; an absent field is no change.
 * @param nameFree throws when another row than `except` has the name
 */
export async function readNameAndLabels(
  context: Context,
  row: { readonly id: number; name: string; labels: Record<string, string> },
  nameFree: (name: string, except: number) => void,
): Promise<void> {
  const body = await readBody(context, z.object({ name: resourceName.nullish(), labels: labels.nullish() }));
  if (body.name != null) nameFree(body.name, row.id);
  row.name = body.name ?? row.name;
  row.labels = body.labels ?? row.labels;
}
