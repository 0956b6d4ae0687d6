import { type Context, Hono } from "hono";
import type { Account } from "./account.ts";
import { answer, answerPage, bad, CloudflareError, readObject } from "./envelope.ts";
import { filterRecords } from "./record-filters.ts";
import { assertFits, proxiable, type RecordBody, recordBody, recordFrom } from "./record-rules.ts";
import { newId, now, type RecordRow, type ZoneRow } from "./state.ts";
import { zoneOf } from "./zones.ts";

const recordView = (row: RecordRow) => ({
  ...row,
  proxiable: proxiable(row.type),
  meta: {},
  ...(row.comment !== null && { comment_modified_on: row.modified_on }),
});

function parse(body: Record<string, unknown>): RecordBody {
  const result = recordBody.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw bad(9000, `${issue?.path.join(".") ?? "body"}: ${issue?.message ?? "invalid"}`);
}

function find(zone: ZoneRow, id: string): RecordRow {
  const row = zone.records[id];
  if (row === undefined) throw new CloudflareError(404, 81044, "Record does not exist.");
  return row;
}

const others = (zone: ZoneRow, id?: string) => Object.values(zone.records).filter((row) => row.id !== id);

function create(zone: ZoneRow, body: Record<string, unknown>): RecordRow {
  const content = recordFrom(parse(body), zone.name);
  assertFits(content, others(zone));
  const row: RecordRow = { id: newId(), ...content, created_on: now(), modified_on: now() };
  zone.records[row.id] = row;
  return row;
}

function overwrite(zone: ZoneRow, id: string, body: Record<string, unknown>): RecordRow {
  const old = find(zone, id);
  const content = recordFrom(parse(body), zone.name);
  assertFits(content, others(zone, id));
  const row: RecordRow = { id, ...content, created_on: old.created_on, modified_on: now() };
  zone.records[id] = row;
  return row;
}

function remove(zone: ZoneRow, id: string): RecordRow {
  const row = find(zone, id);
  delete zone.records[id];
  return row;
}

/** `/zones/{zone}/dns_records`. Every change is in the DNS before it is answered. */
export function records(account: Account): Hono {
  const app = new Hono();
  const base = "/zones/:zone/dns_records";
  const id = (context: Context) => context.req.param("id") ?? "";

  app.get(base, (context) => {
    const zone = zoneOf(account, context);
    return answerPage(
      context,
      filterRecords(context, Object.values(zone.records)).map(recordView),
      100,
      5_000_000,
    );
  });

  app.post(base, async (context) => {
    const body = await readObject(context);
    const row = await account.change(zoneOf(account, context), (zone) => create(zone, body));
    return answer(context, recordView(row));
  });

  app.get(`${base}/:id`, (context) =>
    answer(context, recordView(find(zoneOf(account, context), id(context)))),
  );

  app.put(`${base}/:id`, async (context) => {
    const body = await readObject(context);
    const row = await account.change(zoneOf(account, context), (zone) => overwrite(zone, id(context), body));
    return answer(context, recordView(row));
  });

  app.delete(`${base}/:id`, async (context) => {
    await account.change(zoneOf(account, context), (zone) => remove(zone, id(context)));
    return answer(context, { id: id(context) });
  });

  return app;
}
