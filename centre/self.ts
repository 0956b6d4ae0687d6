/** What this process needs, for the page of the budgets. */
import type { SelfMeasured } from "../status/budgets.ts";

const MEGABYTE = 1_000_000;

/** Memory now, and processor time since the start, without the programs that it starts. */
export function measureProcess(): Pick<Required<SelfMeasured>, "memoryMb" | "cpuPercent"> {
  const { user, system } = process.cpuUsage();
  const microseconds = process.uptime() * 1e6;
  return {
    memoryMb: process.memoryUsage.rss() / MEGABYTE,
    cpuPercent: microseconds > 0 ? (100 * (user + system)) / microseconds : 0,
  };
}
