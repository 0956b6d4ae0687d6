import * as z from "zod";

/** The key `reinstall` of every provider of created machines. */
export const reinstall = z
  .string()
  .regex(/^[0-9a-f]{32}$/, "not a machine id: copy it from /etc/machine-id of that machine")
  .optional()
  .describe("id of the machine that may be wiped and installed again; it has another id afterwards");
