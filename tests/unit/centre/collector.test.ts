import { Collector } from "../../../centre/collector.ts";
import type { FleetFacts } from "../../../status/detail.ts";
import { fleetOf, hostOf } from "./fixtures.ts";

/** A reader whose answers the test gives. */
function controlled() {
  const asked: boolean[] = [];
  const open: { give: (fleet: FleetFacts) => void; fail: (reason: string) => void }[] = [];
  const read = (ask: boolean): Promise<FleetFacts> => {
    asked.push(ask);
    return new Promise((give, fail) => {
      open.push({ give, fail: (reason) => fail(new Error(reason)) });
    });
  };
  return { asked, read, next: () => open.shift() };
}

const settle = () => new Promise((resume) => setImmediate(resume));

test("the outputs are read first, without the hosts, then the hosts are asked", async () => {
  const { asked, read, next } = controlled();
  const collector = new Collector(read);
  const started = collector.start();
  next()?.give(fleetOf(hostOf({ name: "web", state: "new" })));
  await started;
  expect(asked).toEqual([false, true]);
  expect(collector.snapshot.fleet?.status.hosts).toMatchObject([{ name: "web", state: "new" }]);
});

test("hosts that never answer hold back no reader, and are not asked again meanwhile", async () => {
  const hosts = Array.from({ length: 100 }, (_, at) => hostOf({ name: `node-${at}` }));
  let asked = 0;
  // What waits for a dead host does not end.
  const read = (ask: boolean): Promise<FleetFacts> => {
    if (!ask) return Promise.resolve(fleetOf(...hosts));
    asked += 1;
    return new Promise(() => {});
  };
  let now = 0;
  const collector = new Collector(read, () => now);
  await collector.start();
  for (let page = 0; page < 2500; page += 1) {
    now += 1000;
    collector.refreshIfStale();
    expect(collector.snapshot.fleet?.status.hosts).toHaveLength(100);
  }
  expect(asked).toBe(1);
});

test("one read runs at a time, and all who wait get its answer", async () => {
  const { asked, read, next } = controlled();
  const collector = new Collector(read);
  const both = [collector.refresh(), collector.refresh()];
  expect(asked).toEqual([true]);
  next()?.give(fleetOf());
  await Promise.all(both);
  void collector.refresh();
  expect(asked).toEqual([true, true]);
});

test("a read that fails keeps the state of before, with the error beside it", async () => {
  const { read, next } = controlled();
  const collector = new Collector(read);
  const good = collector.refresh();
  next()?.give(fleetOf(hostOf({ name: "web" })));
  await good;
  const bad = collector.refresh();
  next()?.fail("the backend does not answer");
  await bad;
  expect(collector.snapshot).toMatchObject({
    problem: "the backend does not answer",
    fleet: { status: { hosts: [{ name: "web" }] } },
    revision: 2,
  });
});

test("listeners hear of changes only, and not after they have left", async () => {
  const { read, next } = controlled();
  const collector = new Collector(read);
  const heard: number[] = [];
  const unsubscribe = collector.subscribe((revision) => heard.push(revision));
  const answer = async (fleet: FleetFacts) => {
    const done = collector.refresh();
    next()?.give(fleet);
    await done;
  };
  await answer(fleetOf(hostOf({ name: "web" })));
  const later = fleetOf(hostOf({ name: "web" }));
  await answer({ ...later, status: { ...later.status, at: "2026-01-01T00:02:00Z" } });
  expect(heard).toEqual([1]);
  await answer(fleetOf(hostOf({ name: "web", state: "failed" })));
  unsubscribe();
  await answer(fleetOf());
  expect(heard).toEqual([1, 2]);
});

test("a page that is opened begins a read only when the state is old", async () => {
  const { asked, read, next } = controlled();
  let now = 0;
  const collector = new Collector(read, () => now);
  collector.refreshIfStale();
  next()?.give(fleetOf());
  await settle();
  now = 9_000;
  collector.refreshIfStale();
  expect(asked).toHaveLength(1);
  now = 10_000;
  collector.refreshIfStale();
  expect(asked).toHaveLength(2);
});
