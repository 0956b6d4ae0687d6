/** Errors of the API: problem documents (RFC 9457). */
import type * as z from "zod";
import { problem } from "./schemas.ts";

/** A response for the description of a route. */
export const problemJson = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: problem } },
});

export const problemAnswer = (status: number, title: string, detail?: string): Response =>
  new Response(JSON.stringify({ title, status, ...(detail !== undefined && { detail }) }), {
    status,
    headers: { "content-type": "application/problem+json" },
  });

/** Why something that was sent is not as described, in words. */
export const issuesOf = (error: z.ZodError): string =>
  error.issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`))
    .join("; ");
