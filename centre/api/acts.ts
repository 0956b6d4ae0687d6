/** Acts and the audit log in the API. A POST needs a token: a browser sends its cookie with forms of other sites too. */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { ACT_NAMES, actRequest } from "../acts/acts.ts";
import { type Act, ActRefused } from "../acts/runner.ts";
import { DOORS, RESULTS } from "../audit/chain.ts";
import type { Services } from "../services.ts";
import { issuesOf, problemAnswer, problemJson } from "./problem.ts";

const act = z
  .object({
    id: z.string(),
    act: z.enum(ACT_NAMES),
    host: z.string().optional(),
    wave: z.int().optional(),
    unit: z.string().optional(),
    reason: z.string(),
    by: z.object({ who: z.string(), role: z.string(), door: z.enum(DOORS) }),
    begun: z.string().describe("RFC 3339"),
    state: z.enum(["running", "done", "failed"]),
    detail: z.string().optional().describe("What came of it, once it has ended"),
    lines: z.array(z.string()).describe("Progress"),
  })
  .openapi("Act");

const newAct = z
  .object({
    act: z.enum(ACT_NAMES).describe("The capability of the same name is needed"),
    host: z.string().optional(),
    wave: z.int().optional(),
    unit: z.string().optional(),
    reason: z.string().describe("For the audit log"),
  })
  .openapi("NewAct");

const auditList = z
  .object({
    records: z.array(
      z.object({
        seq: z.int(),
        previous: z.string(),
        hash: z.string(),
        at: z.string(),
        act: z.string(),
        who: z.string(),
        door: z.enum(DOORS),
        role: z.string(),
        capability: z.string(),
        object: z.string(),
        reason: z.string(),
        result: z.enum(RESULTS),
        detail: z.string(),
      }),
    ),
    problems: z.array(z.string()).describe("What does not fit the chain; empty: it is whole"),
  })
  .openapi("Audit");

const body = { content: { "application/json": { schema: act } } };
const common = {
  401: problemJson("No session and no token"),
  403: problemJson("The role or the token has not the capability"),
};

const postRoute = createRoute({
  method: "post",
  security: [{ token: [] }],
  path: "/acts",
  summary: "Begins an act; needs a token",
  request: { body: { content: { "application/json": { schema: newAct } }, required: true } },
  responses: {
    202: { description: "It was begun", ...body },
    400: problemJson("The body is not JSON, or not as described"),
    404: problemJson("The stack has no such host or wave"),
    409: problemJson("Another act runs on the host, or it cannot be done here"),
    415: problemJson("The type of the body is not that of JSON"),
    503: problemJson("The audit log cannot be written, so nothing was done"),
    ...common,
  },
});

const getRoute = createRoute({
  method: "get",
  path: "/acts/{id}",
  summary: "One act, while it runs and some time after it",
  request: { params: z.object({ id: z.string() }) },
  responses: {
    200: { description: "The act", ...body },
    404: problemJson("There is no such act"),
    ...common,
  },
});

const auditRoute = createRoute({
  method: "get",
  path: "/audit",
  summary: "The audit log, the newest first",
  request: {
    query: z.object({
      before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
    }),
  },
  responses: {
    200: { description: "Records", content: { "application/json": { schema: auditList } } },
    400: problemJson("A parameter is not as described"),
    ...common,
  },
});

const shown = ({ id, request, by, begun, lines, result }: Act): z.infer<typeof act> => ({
  id,
  act: request.act,
  ...(request.host !== undefined && { host: request.host }),
  ...(request.wave !== undefined && { wave: request.wave }),
  ...(request.unit !== undefined && { unit: request.unit }),
  reason: request.reason,
  by: { who: by.who, role: by.role, door: by.door },
  begun: new Date(begun).toISOString(),
  state: result === undefined ? "running" : result.ok ? "done" : "failed",
  ...(result !== undefined && { detail: result.detail }),
  lines: [...lines],
});

export function addActsApi(api: OpenAPIHono, { acts, audit, guard }: Services): void {
  api.openapi(postRoute, (context) => {
    const by = context.get("identity");
    if (by.door !== "token")
      return problemAnswer(403, "A token is needed", "a session acts through its pages only") as never;
    const request = actRequest.safeParse(context.req.valid("json"));
    if (!request.success) return problemAnswer(400, "Not as described", issuesOf(request.error)) as never;
    try {
      return context.json(shown(acts.begin(request.data, by)), 202);
    } catch (error) {
      if (!(error instanceof ActRefused)) throw error;
      return problemAnswer(error.status, "Not done", error.message) as never;
    }
  });
  api.openapi(getRoute, (context) => {
    if (!guard(context.get("identity"), "status.read")) return problemAnswer(403, "Not allowed") as never;
    const found = acts.get(context.req.valid("param").id);
    return found === undefined
      ? (problemAnswer(404, "There is no such act") as never)
      : context.json(shown(found), 200);
  });
  api.openapi(auditRoute, (context) => {
    if (!guard(context.get("identity"), "audit.read")) return problemAnswer(403, "Not allowed") as never;
    const { before, limit } = context.req.valid("query");
    return context.json(
      { records: [...audit.read({ before, limit })], problems: [...audit.verify().problems] },
      200,
    );
  });
}
