/** The API's answers. Within version 1 fields are only added. The types are those of `tools/pantheros status --json`. */
import { z } from "@hono/zod-openapi";
import type { BudgetLine } from "../../status/budgets.ts";
import { type FleetStatus, type HostStatus, STATES } from "../../status/classify.ts";
import type { HostDetail } from "../../status/detail.ts";

const storePath = z.string().describe("Store path");

const hostStatus = z
  .object({
    name: z.string(),
    wave: z.int(),
    required: z.boolean().describe("Whether the host must converge"),
    state: z
      .enum(STATES.map(([state]) => state))
      .describe(STATES.map(([state, meaning]) => `${state}: ${meaning}`).join("; ")),
    detail: z.string().exactOptional().describe("Why the state is not ok"),
    reachable: z.boolean().exactOptional().describe("Whether it answered; absent: it was not asked"),
    outcome: z.enum(["confirmed", "staged", "rolled-back", "held", "offline", "failed"]).exactOptional(),
    running: storePath.exactOptional(),
    boots: storePath.exactOptional(),
    confirmed: z.boolean().exactOptional(),
    wanted: storePath.exactOptional(),
    generation: z.number().exactOptional(),
    pinned: storePath.exactOptional(),
    needsReboot: z.boolean().exactOptional(),
    failedUnits: z.array(z.string()).readonly().exactOptional(),
    commit: z.string().exactOptional(),
  })
  .openapi("HostStatus") satisfies z.ZodType<HostStatus>;

export const fleetStatus = z
  .object({
    schemaVersion: z.literal(1),
    stack: z.string(),
    environment: z.string(),
    at: z.string().describe("When the hosts were asked (RFC 3339)"),
    asked: z.boolean().describe("False: the hosts were not asked, and the fields are those of the last run"),
    hosts: z.array(hostStatus).readonly().describe("The worst first"),
  })
  .openapi("FleetStatus") satisfies z.ZodType<FleetStatus>;

export const hostDetail = z
  .object({
    status: hostStatus,
    environment: z.string(),
    reachability: z.enum(["always", "best-effort"]),
    tags: z.array(z.string()).readonly(),
    addresses: z.object({
      ipv4: z.string().exactOptional(),
      ipv6: z.string().exactOptional(),
      tailnet: z.string().exactOptional(),
    }),
    reason: z.string().exactOptional().describe("Why the last deploy is not confirmed"),
    step: z.string().exactOptional().describe("Step of the last deploy that failed"),
    hint: z.string().exactOptional().describe("What may correct the failure of the last deploy"),
    reachHint: z.string().exactOptional().describe("What may help to reach the host"),
    reboot: z.enum(["allow", "never"]).describe("Whether a deploy may reboot the host"),
    seconds: z
      .record(z.string(), z.number())
      .exactOptional()
      .describe("Durations of the last deploy's steps, step -> seconds"),
    health: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string().exactOptional() })),
    deployed: z
      .object({
        at: z.string(),
        by: z.string().exactOptional(),
        commit: z.string().exactOptional(),
        dirty: z.boolean().exactOptional(),
        previous: storePath.exactOptional(),
      })
      .exactOptional()
      .describe("How the committed system came to the host"),
    kernel: z.string().exactOptional(),
    bootedKernel: z.string().exactOptional(),
    phase: z.string().exactOptional(),
    services: z.array(z.object({ name: z.string(), url: z.string(), public: z.boolean() })).readonly(),
    names: z.array(z.object({ name: z.string(), type: z.string(), content: z.string() })).readonly(),
  })
  .openapi("HostDetail") satisfies z.ZodType<HostDetail>;

export const recoveryAnswer = z
  .object({
    recoveries: z
      .array(
        z.object({
          name: z.string().describe("Key of [budgets.recovery] in the inventory, and name of the runbook"),
          state: z.enum(["passed", "missed", "never rehearsed"]),
          target: z
            .object({ seconds: z.number(), lossHours: z.number() })
            .exactOptional()
            .describe("Absent: the inventory has no target"),
          last: z
            .object({
              startedAt: z.string(),
              seconds: z.number(),
              passed: z.boolean(),
              commit: z.string().optional(),
              reason: z.string().optional(),
            })
            .exactOptional()
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
    measured: z.number().exactOptional().describe("Absent: not measured here"),
    source: z.string().describe("What was measured, or what measures it"),
  })
  .openapi("Limit") satisfies z.ZodType<BudgetLine>;

export const budgetsAnswer = z
  .object({
    limits: z.array(budgetLine).describe("Limits for the management itself"),
    changeSeconds: z.number().exactOptional().describe("Limit of a change of configuration"),
    updateSeconds: z.number().exactOptional().describe("Limit of an update"),
    deploys: z
      .array(z.object({ host: z.string(), seconds: z.number() }))
      .describe("The last deploys, from the start of the activation to the confirmation"),
  })
  .openapi("Budgets");

/** A problem document (RFC 9457). */
export const problem = z
  .object({ title: z.string(), status: z.int(), detail: z.string().exactOptional() })
  .openapi("Problem");
