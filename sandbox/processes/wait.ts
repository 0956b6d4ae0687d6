import { setTimeout as sleep } from "node:timers/promises";

/**
 * Polls until `check` returns something other than undefined; returns that, or undefined after `seconds`.
 * The pause between polls grows, since most waits end within a second.
 */
export async function waitFor<T>(
  seconds: number,
  check: () => T | undefined | Promise<T | undefined>,
): Promise<T | undefined> {
  const end = Date.now() + seconds * 1000;
  let pause = 20;
  for (;;) {
    const result = await check();
    if (result !== undefined) return result;
    if (Date.now() >= end) return undefined;
    await sleep(Math.min(pause, Math.max(1, end - Date.now())));
    pause = Math.min(pause * 1.5, 500);
  }
}
