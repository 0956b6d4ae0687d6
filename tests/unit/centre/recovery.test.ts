import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { readRehearsals } from "../../../centre/rehearsals.ts";
import { recoveryLines, recoveryState } from "../../../centre/view/recovery.ts";
import type { Budgets } from "../../../status/budgets.ts";
import { testDirectory } from "./fixtures.ts";

const directory = testDirectory();
const result = { name: "host", startedAt: "2026-01-01T00:00:00Z", seconds: 90, passed: true };

describe("results of rehearsals", () => {
  test("a directory that does not exist has none", () => {
    expect(readRehearsals(path.join(directory, "none"))).toEqual({ results: [], problems: [] });
  });

  test("each file is read; one that is no result is named, and hides no other", () => {
    const some = path.join(directory, "some");
    mkdirSync(some);
    writeFileSync(path.join(some, "host.json"), JSON.stringify({ ...result, targetSeconds: 3600, added: 1 }));
    writeFileSync(path.join(some, "half.json"), '{"name": "half", "sec');
    writeFileSync(path.join(some, "other.json"), '{"name": "other"}');
    writeFileSync(path.join(some, "long.json"), " ".repeat(70_000));
    writeFileSync(path.join(some, "host.json.tmp"), "");
    const { results, problems } = readRehearsals(some);
    expect(results).toEqual([result]);
    expect(problems).toEqual([
      expect.stringMatching(/^half\.json: /),
      expect.stringMatching(/^long\.json: more than 65536 bytes/),
      expect.stringMatching(/^other\.json: [\s\S]*startedAt/),
    ]);
  });
});

describe("targets and rehearsals", () => {
  const budgets: Budgets = {
    recovery: {
      host: { withinMinutes: 1, lossHours: 0 },
      cache: { withinMinutes: 10, lossHours: 24 },
      database: { withinMinutes: 10, lossHours: 24 },
      secret: { withinMinutes: 10, lossHours: 0 },
    },
  };
  const lines = recoveryLines(budgets, [
    { ...result, name: "host", seconds: 61 },
    { ...result, name: "cache", seconds: 600 },
    { ...result, name: "database", seconds: 5, passed: false },
    { ...result, name: "extra" },
  ]);

  test("too slow and failed are missed, and come first; then what was never rehearsed", () => {
    expect(lines.map((line) => [line.name, recoveryState(line)])).toEqual([
      ["host", "missed"],
      ["database", "missed"],
      ["secret", "never rehearsed"],
      ["cache", "passed"],
      ["extra", "passed"],
    ]);
  });

  test("a rehearsal without a target is listed, and a target has its minutes as seconds", () => {
    expect(lines.find(({ name }) => name === "extra")?.target).toBeUndefined();
    expect(lines.find(({ name }) => name === "cache")?.target).toEqual({ seconds: 600, lossHours: 24 });
    expect(recoveryLines(undefined, [])).toEqual([]);
  });
});
