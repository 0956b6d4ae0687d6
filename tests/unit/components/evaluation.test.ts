import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evaluationArgs } from "../../../components/fleet/evaluation.ts";
import { settingsFrom } from "../../../settings/settings.ts";
import { planOf, text } from "./fleet-world.ts";

const settings = (env: Record<string, string> = {}, config: Record<string, string> = {}) =>
  settingsFrom({ stack: "sandbox", get: (key) => config[key], env: (name) => env[name] });
const args = (preview: boolean, ...given: Parameters<typeof settings>) =>
  evaluationArgs(planOf(text), settings(...given), { preview, checkout: "." });

test("each checkout has its own results, outside of it", () => {
  const checkouts = ["a", "b"].map((name) => mkdtempSync(join(tmpdir(), `pantheros-${name}-`)));
  const link = `${checkouts[0]}-link`;
  symlinkSync(checkouts[0] ?? "", link);
  const cacheOf = (checkout: string) =>
    evaluationArgs(planOf(text), settings(), { preview: false, checkout }).cache;
  const [first, second, linked] = [...checkouts, link].map(cacheOf);
  for (const place of [...checkouts, link]) rmSync(place, { recursive: true });
  expect(first).toMatch(/\/pantheros\/evaluations\/[0-9a-f]{16}$/);
  expect(second).not.toBe(first);
  expect(linked).toBe(first);
});

test("the directory can be set, or switched off", () => {
  expect(args(false, { PANTHEROS_EVALUATION_CACHE: "/results" }).cache).toBe("/results");
  expect(args(false, { PANTHEROS_EVALUATION_CACHE: "off" }).cache).toBeUndefined();
});

test("only a preview may do without derivations, and only where that is set", () => {
  const optional = { PANTHEROS_EVALUATION_DERIVATIONS: "optional" };
  expect(
    [args(true, optional), args(false, optional), args(true)].map((each) => each.withoutDerivations),
  ).toEqual([true, false, false]);
});

test("workers and memory: the environment has priority over the stack's configuration", () => {
  const config = { evaluationWorkers: "2", evaluationMemoryMb: "3000" };
  expect(args(false, {}, config).limits).toEqual({ workers: 2, memoryMb: 3000 });
  expect(args(false, { PANTHEROS_EVALUATION_WORKERS: "1" }, config).limits).toEqual({
    workers: 1,
    memoryMb: 3000,
  });
  expect(args(false).limits).toEqual({});
  expect(() => args(false, { PANTHEROS_EVALUATION_WORKERS: "many" })).toThrow(
    /Pulumi.sandbox.yaml: pantheros:evaluationWorkers: /,
  );
});

test("hosts of early waves are evaluated first", () => {
  const waves = text
    .replace("[hosts.db]", "[hosts.db]\nwave = 3")
    .replace("[hosts.web]", "[hosts.web]\nwave = 2");
  const options = { preview: false, checkout: "." };
  expect(evaluationArgs(planOf(waves), settings(), options).hosts).toEqual(["legacy", "web", "db"]);
});

test("a renamed host's folder may still have its former name", () => {
  const renamed = text.replace("[hosts.db]", '[hosts.db]\nformerly = "old-db"');
  const options = { preview: false, checkout: "." };
  expect(evaluationArgs(planOf(renamed), settings(), options).formerNames).toEqual({ db: "old-db" });
});
