import { Hono } from "hono";
import { systemImages } from "./catalog.ts";
import { notFound } from "./errors.ts";
import { answerPage, idOf, selectRows } from "./listing.ts";
import { imageView } from "./views.ts";

/** System images, read only. */
export function images(): Hono {
  const app = new Hono();
  const views = systemImages.map(imageView);

  app.get("/images", (context) =>
    answerPage(context, "images", selectRows(context, views, ["type", "architecture", "status"])),
  );

  app.get("/images/:id", (context) => {
    const id = idOf(context, "image");
    const image = views.find((view) => view.id === id);
    if (image === undefined) throw notFound("image", id);
    return context.json({ image });
  });

  return app;
}
