/** `2.7 MB`, decimal. */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = Math.abs(bytes);
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${bytes < 0 ? "-" : ""}${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
