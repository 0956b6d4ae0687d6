/** The files of the pages; a browser gets them before there is a session. */
import type { Hono } from "hono";
import type { Services } from "../services.ts";

export function addAssets(app: Hono, { assets }: Services): void {
  app.get("/assets/:sum/:name", (context) => {
    const asset = assets.files.get(context.req.path);
    if (asset === undefined) return context.notFound();
    context.header("cache-control", "public, max-age=31536000, immutable");
    return context.body(asset.content, 200, { "content-type": asset.type });
  });
}
