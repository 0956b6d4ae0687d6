/** A duration for people: `0.4 s`, `42 s`, `3 min 5 s`, `2 h`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  const whole = Math.round(seconds);
  const parts = [
    [Math.floor(whole / 3600), "h"],
    [Math.floor((whole % 3600) / 60), "min"],
    [whole % 60, "s"],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

/** Seconds between two times, at least 0, because clocks differ; undefined when one of them is unreadable. */
export function secondsBetween(begin: string, end: string | number): number | undefined {
  const seconds = ((typeof end === "number" ? end : Date.parse(end)) - Date.parse(begin)) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}
