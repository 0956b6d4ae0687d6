/** Which environment must have confirmed a tree before another one deploys it. */
import * as z from "zod";
import { environmentName } from "./host.ts";
import { camelKeys } from "./primitives.ts";

export const promotion = z
  .strictObject({
    from: environmentName.describe(
      "environment whose stack must confirm a tree first: each of its always reachable hosts runs it",
    ),
    soak_minutes: z
      .int()
      .min(0)
      .max(90 * 24 * 60)
      .default(24 * 60)
      .describe("minutes that must pass after it was confirmed there, before NAME deploys it"),
    stack: z
      .string()
      .regex(/^([\w.-]+\/[\w.-]+\/)?[\w.-]+$/, 'use "STACK" or "ORGANIZATION/PROJECT/STACK"')
      .optional()
      .describe("that environment's stack; without it the stack has the environment's name"),
  })
  .transform(camelKeys);
