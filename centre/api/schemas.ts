/** The API's answers. Within version 1 fields are only added. The types are those of `tools/pantheros status --json`. */
import { z } from "@hono/zod-openapi";
import type { BudgetLine } from "../../status/budgets.ts";
import { type FleetStatus, type HostStatus, STATES } from "../../status/classify.ts";
import type { HostDetail } from "../../status/detail.ts";

/**
 * A type whose keys may also be present and undefined. The description of the API lists `exactOptional()` keys as required,
 * so the schemas here are `optional()`.
 */
export type Loose<T> = T extends readonly (infer Item)[]
  ? readonly Loose<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Loose<T[Key]> | undefined }
    : T;

const storePath = z.string().describe("Store path");

const hostStatus = z
  .object({
    name: z.string(),
    wave: z.int(),
    required: z.boolean().describe("Whether the host must converge"),
    state: z
      .enum(STATES.map(([state]) => state))
      .describe(STATES.map(([state, meaning]) => `${state}: ${meaning}`).join("; ")),
    detail: z.string().optional().describe("Why the state is not ok"),
    reachable: z.boolean().optional().describe("Whether it answered; absent: it was not asked"),
    outcome: z.enum(["confirmed", "staged", "rolled-back", "held", "offline", "failed"]).optional(),
    running: storePath.optional(),
    boots: storePath.optional(),
    confirmed: z.boolean().optional(),
    wanted: storePath.optional(),
    generation: z.number().optional(),
    pinned: storePath.optional(),
    needsReboot: z.boolean().optional(),
    failedUnits: z.array(z.string()).readonly().optional(),
    commit: z.string().optional(),
  })
  .openapi("HostStatus") satisfies z.ZodType<Loose<HostStatus>>;

export const fleetStatus = z
  .object({
    schemaVersion: z.literal(1),
    stack: z.string(),
    environment: z.string(),
    at: z.string().describe("When the hosts were asked (RFC 3339)"),
    asked: z.boolean().describe("False: the hosts were not asked, and the fields are those of the last run"),
    hosts: z.array(hostStatus).readonly().describe("The worst first"),
  })
  .openapi("FleetStatus") satisfies z.ZodType<Loose<FleetStatus>>;

export const hostDetail = z
  .object({
    status: hostStatus,
    environment: z.string(),
    reachability: z.enum(["always", "best-effort"]),
    tags: z.array(z.string()).readonly(),
    addresses: z.object({
      ipv4: z.string().optional(),
      ipv6: z.string().optional(),
      tailnet: z.string().optional(),
    }),
    reason: z.string().optional().describe("Why the last deploy is not confirmed"),
    step: z.string().optional().describe("Step of the last deploy that failed"),
    hint: z.string().optional().describe("What may correct the failure of the last deploy"),
    reachHint: z.string().optional().describe("What may help to reach the host"),
    reboot: z.enum(["allow", "never"]).describe("Whether a deploy may reboot the host"),
    seconds: z
      .record(z.string(), z.number())
      .optional()
      .describe("Durations of the last deploy's steps, step -> seconds"),
    health: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string().optional() })),
    deployed: z
      .object({
        at: z.string(),
        by: z.string().optional(),
        commit: z.string().optional(),
        dirty: z.boolean().optional(),
        previous: storePath.optional(),
      })
      .optional()
      .describe("How the committed system came to the host"),
    kernel: z.string().optional(),
    bootedKernel: z.string().optional(),
    phase: z.string().optional(),
    services: z.array(z.object({ name: z.string(), url: z.string(), public: z.boolean() })).readonly(),
    names: z.array(z.object({ name: z.string(), type: z.string(), content: z.string() })).readonly(),
  })
  .openapi("HostDetail") satisfies z.ZodType<Loose<HostDetail>>;

export const recoveryAnswer = z
  .object({
    recoveries: z
      .array(
        z.object({
          name: z.string().describe("Key of [budgets.recovery] in the inventory, and name of the runbook"),
          state: z.enum(["passed", "missed", "never rehearsed"]),
          target: z
            .object({ seconds: z.number(), lossHours: z.number() })
            .optional()
            .describe("Absent: the inventory has no target"),
          last: z
            .object({
              startedAt: z.string(),
              seconds: z.number(),
              passed: z.boolean(),
              commit: z.string().optional(),
              reason: z.string().optional(),
            })
            .optional()
            .describe("The last rehearsal"),
        }),
      )
      .describe("Those that need attention first"),
  })
  .openapi("Recovery");

const budgetLine = z
  .object({
    name: z.string().describe("Key of [budgets] in the inventory"),
    title: z.string(),
    unit: z.enum(["s", "MB", "%"]),
    limit: z.number(),
    measured: z.number().optional().describe("Absent: not measured here"),
    source: z.string().describe("What was measured, or what measures it"),
  })
  .openapi("Limit") satisfies z.ZodType<Loose<BudgetLine>>;

export const budgetsAnswer = z
  .object({
    limits: z.array(budgetLine).describe("Limits for the management itself"),
    changeSeconds: z.number().optional().describe("Limit of a change of configuration"),
    updateSeconds: z.number().optional().describe("Limit of an update"),
    deploys: z
      .array(z.object({ host: z.string(), seconds: z.number() }))
      .describe("The last deploys, from the start of the activation to the confirmation"),
  })
  .openapi("Budgets");

/** A problem document (RFC 9457). */
export const problem = z
  .object({ title: z.string(), status: z.int(), detail: z.string().optional() })
  .openapi("Problem");
