import { Semaphore } from "../../../lib/semaphore.ts";

test("at most the given number of tasks run, and waiting ones follow in order", async () => {
  const slots = new Semaphore(2);
  const order: number[] = [];
  const ends: (() => void)[] = [];
  let most = 0;
  let now = 0;
  const all = [1, 2, 3, 4, 5].map(async (name) => {
    await slots.acquire();
    order.push(name);
    now += 1;
    most = Math.max(most, now);
    await new Promise<void>((end) => ends.push(end));
    now -= 1;
    slots.release();
  });
  for (let ended = 0; ended < 5; ended += 1) {
    while (ends.length <= ended) await new Promise((resume) => setImmediate(resume));
    ends[ended]?.();
  }
  await Promise.all(all);
  expect(order).toEqual([1, 2, 3, 4, 5]);
  expect(most).toBe(2);
});
