import { setTimeout as sleep } from "node:timers/promises";

/**
 * Poll until `check` answers something other than undefined; the answer, or undefined after `seconds`.
 * Polls often at first, since most waits here end within a second.
 */
export async function waitFor<T>(
  seconds: number,
  check: () => T | undefined | Promise<T | undefined>,
): Promise<T | undefined> {
  const end = Date.now() + seconds * 1000;
  let pause = 20;
  for (;;) {
    const answer = await check();
    if (answer !== undefined) return answer;
    if (Date.now() >= end) return undefined;
    await sleep(Math.min(pause, Math.max(1, end - Date.now())));
    pause = Math.min(pause * 1.5, 500);
  }
}
