import type { Context } from "hono";
import { bad } from "./envelope.ts";
import type { RecordRow } from "./state.ts";

type Test = (row: RecordRow) => boolean;

const COMPARISONS: Record<string, (value: string, wanted: string) => boolean> = {
  exact: (value, wanted) => value === wanted,
  contains: (value, wanted) => value.includes(wanted),
  startswith: (value, wanted) => value.startsWith(wanted),
  endswith: (value, wanted) => value.endsWith(wanted),
};

/** `name`, `name.exact`, `content.contains` and so on; comparisons ignore case. */
function fieldTest(field: "name" | "content" | "comment", how: string, wanted: string): Test {
  const text = (row: RecordRow) => (row[field] ?? "").toLowerCase();
  const compare = COMPARISONS[how];
  if (compare === undefined) throw bad(9000, `unknown filter ${field}.${how}`);
  return (row) => compare(text(row), wanted.toLowerCase());
}

function tests(query: Record<string, string>): Test[] {
  return Object.entries(query).flatMap(([key, wanted]): Test[] => {
    const [field = "", how = "exact"] = key.split(".");
    switch (field) {
      case "name":
      case "content":
      case "comment":
        return [fieldTest(field, how, wanted)];
      case "type":
        return [(row) => row.type === wanted.toUpperCase()];
      case "proxied":
        return [(row) => String(row.proxied) === wanted];
      default:
        return [];
    }
  });
}

/** The records that match a list request, in its order (by default by name and type). */
export function filterRecords(context: Context, rows: RecordRow[]): RecordRow[] {
  const query = context.req.query();
  const wanted = tests(query);
  const every = query.match !== "any";
  const chosen = rows.filter(
    (row) =>
      wanted.length === 0 || (every ? wanted.every((test) => test(row)) : wanted.some((test) => test(row))),
  );
  const order =
    (["type", "name", "content", "ttl", "proxied"] as const).find((key) => key === query.order) ?? "name";
  const sign = query.direction === "desc" ? -1 : 1;
  const key = (row: RecordRow) => `${row[order]} ${row.type} ${row.content}`;
  return chosen.sort((a, b) => (key(a) < key(b) ? -sign : sign));
}
