/** Errors of the API: problem documents (RFC 9457). */
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
