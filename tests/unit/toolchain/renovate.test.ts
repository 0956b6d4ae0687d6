/** renovate.json names packages in use, and groups those whose versions pins.test.ts compares. */
import { readFileSync } from "node:fs";
import * as z from "zod";

const rule = z.object({
  groupName: z.string().optional(),
  matchPackageNames: z.array(z.string()).default([]),
  enabled: z.boolean().default(true),
  allowedVersions: z.string().optional(),
});
const manager = z.object({
  managerFilePatterns: z.array(z.string()),
  matchStrings: z.array(z.string()),
  depNameTemplate: z.string(),
});
const configuration = z
  .object({ packageRules: z.array(rule), customManagers: z.array(manager) })
  .parse(JSON.parse(readFileSync("renovate.json", "utf8")));
const packages = z
  .object({
    dependencies: z.record(z.string(), z.string()),
    devDependencies: z.record(z.string(), z.string()),
  })
  .transform(({ dependencies, devDependencies }) => ({ ...dependencies, ...devDependencies }))
  .parse(JSON.parse(readFileSync("package.json", "utf8")));
const ruleOf = (name: string) =>
  configuration.packageRules.find(({ matchPackageNames }) => matchPackageNames.includes(name));

test("every package that it names is used", () => {
  const goModule = readFileSync("tools/cli/go.mod", "utf8");
  const managed = new Set(configuration.customManagers.map(({ depNameTemplate }) => depNameTemplate));
  const unused = configuration.packageRules
    .flatMap(({ matchPackageNames }) => matchPackageNames)
    .filter((name) => !(name in packages || managed.has(name) || goModule.includes(name.replace("**", ""))));
  expect(unused).toEqual([]);
});

test("each custom manager finds exactly one version in each of its files", () => {
  for (const { managerFilePatterns, matchStrings } of configuration.customManagers) {
    for (const file of managerFilePatterns) {
      const found = matchStrings.map((pattern) => [
        ...readFileSync(file, "utf8").matchAll(new RegExp(pattern, "g")),
      ]);
      expect([file, found.map((all) => all.map(({ groups }) => groups?.["currentValue"]))]).toEqual([
        file,
        [[expect.stringMatching(/^\d+\.\d+\.\d+$/)]],
      ]);
    }
  }
});

test("Pulumi's CLI, SDK and Go module are one group, and pinned packages stay", () => {
  const groups = ["@pulumi/pulumi", "pulumi/pulumi", "github.com/pulumi/pulumi/**"].map(
    (name) => ruleOf(name)?.groupName,
  );
  expect(groups).toEqual(["Pulumi", "Pulumi", "Pulumi"]);
  const sdks = Object.keys(packages).filter((name) => /^@pulumi\/|\/pulumi-/.test(name));
  expect(sdks.filter((name) => ruleOf(name) === undefined)).toEqual([]);
  expect(ruleOf("@pulumi/command")?.enabled).toBe(false);
  expect(ruleOf("typescript")?.allowedVersions).toBe("<7");
});
