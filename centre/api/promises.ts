/** What the inventory promises, beside what was measured. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { activationSeconds, selfBudgets } from "../../status/budgets.ts";
import type { Services } from "../services.ts";
import { recoveryLines, recoveryState } from "../view/recovery.ts";
import { problemAnswer, problemJson } from "./problem.ts";
import { budgetsAnswer, recoveryAnswer } from "./schemas.ts";

const recoveryRoute = createRoute({
  method: "get",
  path: "/recovery",
  summary: "The targets of recoveries, and the last rehearsals",
  responses: {
    200: { description: "The recoveries", content: { "application/json": { schema: recoveryAnswer } } },
    401: problemJson("No session and no token"),
    403: problemJson("The role or the token has not the capability"),
    503: problemJson("The state has not been read yet, or cannot be"),
  },
});

const budgetsRoute = createRoute({
  method: "get",
  path: "/budgets",
  summary: "The limits of the inventory, and what was measured",
  responses: {
    200: { description: "The limits", content: { "application/json": { schema: budgetsAnswer } } },
    401: problemJson("No session and no token"),
    403: problemJson("The role or the token has not the capability"),
    503: problemJson("The state has not been read yet, or cannot be"),
  },
});

export function addPromisesApi(api: OpenAPIHono, { collector, rehearsals, measureSelf }: Services): void {
  const unread = () => problemAnswer(503, "The state of the fleet is unknown", collector.snapshot.problem);
  api.openapi(recoveryRoute, (context) => {
    collector.refreshIfStale();
    const { fleet } = collector.snapshot;
    if (fleet === undefined) return unread() as never;
    const recoveries = recoveryLines(fleet.budgets, rehearsals().results);
    return context.json(
      { recoveries: recoveries.map((line) => ({ ...line, state: recoveryState(line) })) },
      200,
    );
  });
  api.openapi(budgetsRoute, (context) => {
    collector.refreshIfStale();
    const { fleet } = collector.snapshot;
    if (fleet === undefined) return unread() as never;
    const { budgets, details } = fleet;
    const deploys = details.flatMap((detail) => {
      const seconds = activationSeconds(detail);
      return seconds === undefined ? [] : [{ host: detail.status.name, seconds }];
    });
    return context.json(
      {
        limits: selfBudgets(budgets, measureSelf()),
        ...(budgets?.changeSeconds !== undefined && { changeSeconds: budgets.changeSeconds }),
        ...(budgets?.updateSeconds !== undefined && { updateSeconds: budgets.updateSeconds }),
        deploys,
      },
      200,
    );
  });
}
