import * as fc from "fast-check";
import { chunksOf, evaluationLimits, heapVariables } from "../../../../deployer/evaluation/limits.ts";

test.each([
  ["two cores and enough memory", {}, { cores: 2, freeMb: 20_000 }, { workers: 2, memoryMb: 2800 }],
  ["many cores and little memory", {}, { cores: 16, freeMb: 4000 }, { workers: 2, memoryMb: 2800 }],
  ["less than a process needs", {}, { cores: 4, freeMb: 0 }, { workers: 1, memoryMb: 1000 }],
  ["memory is set", { memoryMb: 8000 }, { cores: 4, freeMb: 4000 }, { workers: 4, memoryMb: 8000 }],
  ["both are set", { memoryMb: 900, workers: 3 }, { cores: 2, freeMb: 1 }, { workers: 3, memoryMb: 900 }],
])("limits: %s", (_, wanted, computer, limits) => {
  expect(evaluationLimits(wanted, computer)).toEqual(limits);
});

test("the heap begins at its maximum, and leaves room for the rest of the process", () => {
  expect(heapVariables(1400)).toEqual({
    GC_INITIAL_HEAP_SIZE: "1300000000",
    GC_MAXIMUM_HEAP_SIZE: "1300000000",
  });
  expect(heapVariables(100)).toMatchObject({ GC_MAXIMUM_HEAP_SIZE: "50000000" });
});

test("every host is in one chunk; chunks are bounded by memory, not by the number of hosts", () => {
  const hosts = fc.uniqueArray(fc.string(), { maxLength: 120 });
  const limits = fc.record({
    workers: fc.integer({ min: 1, max: 16 }),
    memoryMb: fc.integer({ min: 200, max: 64_000 }),
  });
  fc.assert(
    fc.property(hosts, limits, (names, limit) => {
      const chunks = chunksOf(names, limit);
      expect(chunks.flat().sort()).toEqual([...names].sort());
      const most = Math.max(1, limit.memoryMb / limit.workers / 350);
      for (const chunk of chunks) expect(chunk.length).toBeLessThanOrEqual(most);
    }),
  );
});

test("the first hosts are the first of each process, and all processes get as many", () => {
  const hosts = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
  expect(chunksOf(hosts, { workers: 2, memoryMb: 2800 })).toEqual([
    ["a", "c", "e"],
    ["b", "d", "f"],
    ["g", "i", "k"],
    ["h", "j"],
  ]);
  expect(chunksOf([], { workers: 2, memoryMb: 2800 })).toEqual([]);
});
