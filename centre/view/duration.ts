import { wholeDuration } from "../../lib/duration.ts";

/** A duration for people: `0.4 s`, `42 s`, `3 min 5 s`, `2 h`. */
export function duration(seconds: number): string {
  return seconds < 10 ? `${Math.round(seconds * 10) / 10} s` : wholeDuration(seconds);
}

/** Seconds between two times, at least 0, because clocks differ; undefined when one of them is unreadable. */
export function secondsBetween(begin: string, end: string | number): number | undefined {
  const seconds = ((typeof end === "number" ? end : Date.parse(end)) - Date.parse(begin)) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}
