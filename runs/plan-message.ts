/**
 * How the stack's program names the run's hosts and their waves to the recorder: a debug message, which the engine shows
 * nobody, and which is in its events before any host is touched.
 */
import * as z from "zod";
import type { RunPlannedHost } from "./contract.ts";

const PREFIX = "pantheros hosts: ";

const hosts = z.array(
  z.strictObject({
    name: z.string(),
    wave: z.int(),
    required: z.boolean(),
    selected: z.boolean().optional(),
  }),
);

export const planMessage = (planned: readonly RunPlannedHost[]): string =>
  `${PREFIX}${JSON.stringify(planned)}`;

/** The hosts in a message of `planMessage`; undefined for every other message. */
export function readPlanMessage(message: string): readonly RunPlannedHost[] | undefined {
  if (!message.startsWith(PREFIX)) return undefined;
  try {
    return hosts.safeParse(JSON.parse(message.slice(PREFIX.length))).data;
  } catch {
    return undefined;
  }
}
