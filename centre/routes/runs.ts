/** The pages of runs. */
import type { Hono } from "hono";
import { RUN_COMMANDS, RUN_ID } from "../../runs/contract.ts";
import { runPage } from "../pages/run.ts";
import { runsPage } from "../pages/runs.ts";

import type { Services } from "../services.ts";

const PAGE_RUNS = 50;

export function addRunPages(app: Hono, { runs, collector, assets, now }: Services): void {
  const frame = () => ({
    assets,
    stack: collector.snapshot.fleet?.status.stack,
    revision: runs.revision,
    now: now(),
  });
  app.get("/runs", (context) => {
    const command = RUN_COMMANDS.find((each) => each === context.req.query("command"));
    const given = context.req.query("before");
    const before = given !== undefined && RUN_ID.test(given) ? given : undefined;
    const found = runs.list({ before, command, limit: PAGE_RUNS });
    return context.html(runsPage(found, { ...frame(), command, problem: runs.problem }));
  });
  app.get("/runs/:id", (context) => {
    const id = context.req.param("id");
    const run = RUN_ID.test(id) ? runs.get(id) : undefined;
    return run === undefined ? context.notFound() : context.html(runPage(run, frame()));
  });
}
