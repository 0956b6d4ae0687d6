import { invalidInput } from "./errors.ts";
import type { Labels } from "./state.ts";

/** One comma-separated term of a label selector. */
type Term =
  | { kind: "exists" | "absent"; key: string }
  | { kind: "in" | "notin"; key: string; values: string[] };

const KEY = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const VALUE = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;

/** Messages about invalid labels; empty when all are valid. Source: docs.hetzner.cloud, "Labels". */
export function labelProblems(labels: Labels): string[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...(KEY.test(key) ? [] : [`label key '${key}' is not correctly formatted`]),
    ...(VALUE.test(value) ? [] : [`label value '${value}' is not correctly formatted`]),
  ]);
}

function parseTerm(text: string): Term {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(text);
  if (set) {
    const [, key = "", kind, list = ""] = set;
    return { kind: kind as "in" | "notin", key, values: list.split(",").map((value) => value.trim()) };
  }
  const equal = /^([^!=\s]+)\s*(==|=|!=)\s*(\S*)$/.exec(text);
  if (equal) {
    const [, key = "", operator, value = ""] = equal;
    return { kind: operator === "!=" ? "notin" : "in", key, values: [value] };
  }
  const bare = /^(!?)([^!=\s()]+)$/.exec(text);
  if (bare?.[2]) return { kind: bare[1] === "!" ? "absent" : "exists", key: bare[2] };
  throw invalidInput("label_selector", `cannot parse '${text}'`);
}

/** Splits at commas outside parentheses. */
function splitTerms(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== "");
}

/** Whether labels match a selector such as `env=prod,tier in (a,b),!old`. @throws ApiError `invalid_input` */
export function matchesSelector(labels: Labels, selector: string): boolean {
  return splitTerms(selector)
    .map(parseTerm)
    .every((term) => {
      const value = labels[term.key];
      switch (term.kind) {
        case "exists":
          return value !== undefined;
        case "absent":
          return value === undefined;
        case "in":
          return value !== undefined && term.values.includes(value);
        case "notin":
          return value === undefined || !term.values.includes(value);
      }
      return false;
    });
}
