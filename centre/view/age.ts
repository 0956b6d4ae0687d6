/** How long ago something was, in words: `12 s ago`, `3 min ago`, `2 days ago`. */

const UNITS = [
  [86_400, "day"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
] as const;

/** @param at RFC 3339; an unreadable or future time gives `just now`, because the clocks of hosts differ. */
export function age(at: string, now: number): string {
  const seconds = Math.floor((now - Date.parse(at)) / 1000);
  const [size, unit] = UNITS.find(([size]) => seconds >= size) ?? [1, "s"];
  if (!(seconds >= 1)) return "just now";
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${unit === "day" && count !== 1 ? "s" : ""} ago`;
}
