import type { Context } from "hono";
import { ApiError, invalidInput } from "./errors.ts";
import { matchesSelector } from "./labels.ts";
import type { Labels } from "./state.ts";

interface Pagination {
  page: number;
  per_page: number;
  previous_page: number | null;
  next_page: number | null;
  last_page: number;
  total_entries: number;
}

const DEFAULT_PER_PAGE = 25;
const MAX_PER_PAGE = 50;

function positive(text: string | undefined, fallback: number, field: string): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw invalidInput(field, "must be a positive integer");
  return value;
}

/** One page of a list, with its `meta.pagination`. A `per_page` above 50 means 50. */
export function paginate<T>(
  rows: T[],
  page: string | undefined,
  perPage: string | undefined,
): { rows: T[]; pagination: Pagination } {
  const size = Math.min(positive(perPage, DEFAULT_PER_PAGE, "per_page"), MAX_PER_PAGE);
  const current = positive(page, 1, "page");
  const last = Math.max(1, Math.ceil(rows.length / size));
  return {
    rows: rows.slice((current - 1) * size, current * size),
    pagination: {
      page: current,
      per_page: size,
      previous_page: current > 1 ? current - 1 : null,
      next_page: current < last ? current + 1 : null,
      last_page: last,
      total_entries: rows.length,
    },
  };
}

/** Sorts by the `sort=field:asc` parameters, in their order; without one the order is that of creation. */
export function sortRows<T extends object>(rows: T[], sorts: string[]): T[] {
  const keys = sorts.map((sort) => {
    const [field = "", direction = "asc"] = sort.split(":");
    if (!["asc", "desc"].includes(direction)) throw invalidInput("sort", `unknown direction in '${sort}'`);
    return { field, sign: direction === "desc" ? -1 : 1 };
  });
  return [...rows].sort((left, right) => {
    for (const { field, sign } of keys) {
      const a = (left as Record<string, unknown>)[field];
      const b = (right as Record<string, unknown>)[field];
      if (a === undefined || b === undefined) throw invalidInput("sort", `cannot sort by '${field}'`);
      if (a === b) continue;
      const less = typeof a === "number" && typeof b === "number" ? a < b : String(a) < String(b);
      return less ? -sign : sign;
    }
    return 0;
  });
}

interface Listable {
  id: number;
  name?: string | null;
  labels?: Labels;
}

/**
 * The rows that match a list request: `name`, `label_selector`, and the exact filters in `exact` (each may be
 * given several times), sorted.
 */
export function selectRows<T extends Listable>(
  context: Context,
  rows: T[],
  exact: (keyof T & string)[] = [],
): T[] {
  const query = (key: string) => context.req.queries(key) ?? [];
  const name = context.req.query("name");
  const selector = context.req.query("label_selector");
  const chosen = rows.filter(
    (row) =>
      (name === undefined || name === "" || row.name === name) &&
      (!selector || matchesSelector(row.labels ?? {}, selector)) &&
      exact.every((key) => query(key).length === 0 || query(key).includes(String(row[key]))),
  );
  return sortRows(chosen, query("sort"));
}

/** Answers one page of the selected rows under `key`. */
export function answerPage<T>(context: Context, key: string, rows: T[]): Response {
  const { rows: page, pagination } = paginate(rows, context.req.query("page"), context.req.query("per_page"));
  return context.json({ [key]: page, meta: { pagination } });
}

/** The numeric id in a path. @throws ApiError `not_found` for anything else. */
export function idOf(context: Context, kind: string): number {
  const text = context.req.param("id") ?? "";
  if (!/^\d+$/.test(text))
    throw new ApiError(404, "not_found", `${kind.replaceAll("_", " ")} with ID '${text}' not found`);
  return Number(text);
}
