/** Runs as JSON. */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { OUTCOMES, RUN_COMMANDS, RUN_ID } from "../../runs/contract.ts";
import type { Run, RunSummary } from "../../runs/run.ts";
import type { HostDeploy } from "../runs/history.ts";
import { EventsRefused, takeEvents } from "../runs/intake.ts";
import type { Services } from "../services.ts";
import { problemAnswer, problemJson } from "./problem.ts";
import type { Loose } from "./schemas.ts";

const time = z.string().describe("RFC 3339");
const counts = z.record(z.string(), z.int());

const summaryFields = {
  id: z.string().describe("Sorts by time"),
  stack: z.string(),
  command: z.enum(RUN_COMMANDS),
  state: z
    .enum(["running", "succeeded", "failed", "interrupted", "declined"])
    .describe("interrupted: it was killed, or ended with Ctrl-C; declined: only its preview was made"),
  startedAt: time,
  endedAt: time.optional(),
  seconds: z.number().optional().describe("Duration of the engine's work"),
  on: z.string().optional().describe("Selection of hosts"),
  by: z.string().optional(),
  commit: z.string().optional(),
  dirty: z.boolean().optional().describe("Whether the checkout had uncommitted changes"),
  counts: counts.describe("Operation -> number of resources"),
  outcomes: z
    .partialRecord(z.enum(OUTCOMES), z.int())
    .describe("Outcome -> number of hosts that the run deployed to"),
};
const runSummary = z.object(summaryFields).openapi("RunSummary") satisfies z.ZodType<Loose<RunSummary>>;

const runHost = z.object({
  name: z.string(),
  wave: z.int().optional(),
  required: z.boolean().optional(),
  selected: z.boolean().optional(),
  changed: z.boolean().describe("Whether the run deployed to it"),
  phases: z.array(z.object({ phase: z.string(), at: time })).readonly(),
  outcome: z.enum(OUTCOMES).optional(),
  endedAt: time.optional(),
  step: z.string().optional(),
  command: z.string().optional().describe("What failed, as a person would type it"),
  reason: z.string().optional(),
  hint: z.string().optional(),
  closure: z.string().optional(),
  generation: z.number().optional(),
  seconds: z.record(z.string(), z.number()).optional(),
});

const runDetail = z
  .object({
    ...summaryFields,
    hosts: z.array(runHost).readonly(),
    resources: z
      .array(
        z.object({
          name: z.string(),
          kind: z.string(),
          op: z.string(),
          state: z.enum(["begun", "done", "failed"]),
        }),
      )
      .readonly(),
    errors: z.array(z.string()).readonly(),
    warnings: z.array(z.string()).readonly(),
    dropped: z.int().optional().describe("Events that were not kept"),
  })
  .openapi("Run") satisfies z.ZodType<Loose<Run>>;

const hostDeploy = z
  .object({
    at: time,
    run: z.string().optional().describe("Absent: no run that is recorded here made it"),
    outcome: z.enum(OUTCOMES).optional(),
    step: z.string().optional(),
    reason: z.string().optional(),
    closure: z.string().optional(),
    by: z.string().optional(),
    commit: z.string().optional(),
    dirty: z.boolean().optional(),
  })
  .openapi("HostDeploy") satisfies z.ZodType<Loose<HostDeploy>>;

const MAX_PAGE = 200;
const limit = z.coerce.number().int().min(1).max(MAX_PAGE).default(50).describe("Entries of one page");

const runsRoute = createRoute({
  method: "get",
  path: "/runs",
  summary: "The recorded runs, the newest first",
  request: {
    query: z.object({
      before: z.string().regex(RUN_ID).optional().describe("`next` of the page before"),
      command: z.enum(RUN_COMMANDS).optional(),
      limit,
    }),
  },
  responses: {
    200: {
      description: "A page of runs",
      content: {
        "application/json": {
          schema: z.object({
            runs: z.array(runSummary).readonly(),
            next: z.string().optional().describe("`before` of the next page; absent: the last one"),
          }),
        },
      },
    },
    400: problemJson("A parameter is invalid"),
    401: problemJson("No session and no token"),
    403: problemJson("The role or the token has not the capability"),
  },
});

const runRoute = createRoute({
  method: "get",
  path: "/runs/{id}",
  summary: "One run: hosts, steps, results",
  request: { params: z.object({ id: z.string() }) },
  responses: {
    200: { description: "The run", content: { "application/json": { schema: runDetail } } },
    401: problemJson("No session and no token"),
    403: problemJson("The role or the token has not the capability"),
    404: problemJson("No run has this id"),
  },
});

const deploysRoute = createRoute({
  method: "get",
  path: "/hosts/{name}/deploys",
  summary: "The deploys of a host, the newest first",
  request: {
    params: z.object({ name: z.string() }),
    query: z.object({ before: time.max(40).optional(), limit }),
  },
  responses: {
    200: {
      description: "A page of deploys; empty for an unknown host",
      content: {
        "application/json": {
          schema: z.object({ deploys: z.array(hostDeploy).readonly(), next: time.optional() }),
        },
      },
    },
    400: problemJson("A parameter is invalid"),
    401: problemJson("No session and no token"),
    403: problemJson("The role or the token has not the capability"),
    404: problemJson("No name of a host"),
  },
});

const MAX_EVENTS = 1000;
const MAX_BODY_BYTES = 4 * 1024 * 1024;

const eventsRoute = createRoute({
  method: "post",
  security: [{ token: [] }],
  path: "/runs/{id}/events",
  summary: "Report a run that is under way elsewhere; with a token that has run.report",
  request: {
    params: z.object({ id: z.string() }),
    body: {
      required: true,
      content: {
        "application/json": {
          schema: z.object({
            from: z.int().min(0).max(1_000_000).describe("Number of the first event in its run"),
            events: z
              .array(z.looseObject({ type: z.string() }))
              .max(MAX_EVENTS)
              .describe("Lines of a run's file (runs/contract.ts); none: the run is still under way"),
          }),
        },
      },
    },
  },
  responses: {
    200: {
      description: "They are kept; those that came before are left out",
      content: {
        "application/json": {
          schema: z.object({ next: z.int().describe("Number of the event that is expected next") }),
        },
      },
    },
    400: problemJson("Not events of a run of this stack"),
    401: problemJson("No session and no token"),
    403: problemJson("No token, or one without run.report"),
    404: problemJson("No id of a run"),
    409: problemJson("Events before these are missing, or the run has ended"),
    413: problemJson("More than 4 MB at once"),
    415: problemJson("The body is not JSON"),
    503: problemJson("The run cannot be written: the disk is full"),
  },
});

function addIntake(api: OpenAPIHono, { runs, guard }: Services): void {
  const limit = bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: () => problemAnswer(413, "Too large", "send at most 4 MB at once"),
  });
  api.use("/runs/:id/events", limit);
  api.openapi(eventsRoute, (context) => {
    const by = context.get("identity");
    if (by.door !== "token") return problemAnswer(403, "A token is needed") as never;
    if (!guard(by, "run.report"))
      return problemAnswer(403, "Not allowed", "The token has not the capability run.report.") as never;
    try {
      const next = takeEvents(runs, { id: context.req.valid("param").id, ...context.req.valid("json") });
      return context.json({ next }, 200);
    } catch (error) {
      if (!(error instanceof EventsRefused)) throw error;
      return problemAnswer(error.status, "Not taken", error.message) as never;
    }
  });
}

export function addRunApi(api: OpenAPIHono, services: Services): void {
  const { runs } = services;
  addIntake(api, services);
  api.openapi(runsRoute, (context) => context.json(runs.list(context.req.valid("query")), 200));
  api.openapi(runRoute, (context) => {
    const { id } = context.req.valid("param");
    const run = RUN_ID.test(id) ? runs.get(id) : undefined;
    return run === undefined
      ? (problemAnswer(404, "No run has this id", id.slice(0, 100)) as never)
      : context.json(run, 200);
  });
  api.openapi(deploysRoute, (context) => {
    const { name } = context.req.valid("param");
    return context.json(runs.deploys(name, context.req.valid("query")), 200);
  });
}
