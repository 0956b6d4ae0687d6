/** The form of openspec/ (openspec.dev), and that each scenario of a specification is shown by a test. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = "openspec";
const specifications = readdirSync(join(ROOT, "specs")).map((capability) => ({
  capability,
  text: readFileSync(join(ROOT, "specs", capability, "spec.md"), "utf8"),
}));
const proposals = readdirSync(join(ROOT, "changes")).filter((name) => name !== "archive");

/** Sections below a heading, as [title, text]. */
const sections = (text: string, heading: string): [title: string, text: string][] =>
  text
    .split(new RegExp(`^${heading} `, "m"))
    .slice(1)
    .map((part) => [part.slice(0, part.indexOf("\n")), part.slice(part.indexOf("\n"))]);
const requirements = (text: string) => sections(text, "### Requirement:");
const scenarios = (text: string) => sections(text, "#### Scenario:");

/** A requirement without its scenarios must bind, and each scenario must have a cause and an effect. */
function incomplete(text: string): readonly string[] {
  return requirements(text).flatMap(([title, requirement]) => {
    const rule = requirement.split("#### Scenario:")[0] ?? "";
    const cases = scenarios(requirement);
    return [
      ...(/\b(SHALL|MUST)\b/.test(rule) ? [] : [`${title}: neither SHALL nor MUST`]),
      ...(cases.length > 0 ? [] : [`${title}: no scenario`]),
      ...cases
        .filter(([, each]) => !/^- \*\*WHEN\*\* [\s\S]*^- \*\*THEN\*\* /m.test(each))
        .map(([each]) => `${title}, ${each}: no WHEN and THEN`),
    ];
  });
}

describe.each(specifications)("$capability", ({ text }) => {
  test("has a purpose, and requirements that bind, with scenarios", () => {
    expect(text).toMatch(/^## Purpose\n\n\S/m);
    expect(text).toMatch(/^## Requirements$/m);
    expect(requirements(text)).not.toEqual([]);
    expect(incomplete(text)).toEqual([]);
  });

  test("each scenario names a test that exists", () => {
    const wrong = scenarios(text).flatMap(([title, scenario]) => {
      const [, file = "", name = ""] = /^- \*\*TEST\*\* `([^`]+)`: (.+)$/m.exec(scenario) ?? [];
      if (file === "" || !existsSync(file)) return [`${title}: no test file ${file}`];
      return readFileSync(file, "utf8").includes(`"${name}"`)
        ? []
        : [`${title}: no test "${name}" in ${file}`];
    });
    expect(wrong).toEqual([]);
  });
});

test.each(proposals)(
  "the proposal %s has its reason, its tasks and the requirements that it changes",
  (name) => {
    const folder = join(ROOT, "changes", name);
    expect(name).toMatch(/^[a-z]+(-[a-z0-9]+)+$/);
    const proposal = readFileSync(join(folder, "proposal.md"), "utf8");
    for (const heading of ["## Why", "## What changes", "## Impact"])
      expect(proposal).toContain(`${heading}\n`);
    expect(readFileSync(join(folder, "tasks.md"), "utf8")).toMatch(/^- \[[ x]\] \d+\.\d+ /m);
    const known = specifications.map(({ capability }) => capability);
    const changed = readdirSync(join(folder, "specs"));
    expect(changed).not.toEqual([]);
    for (const capability of changed) {
      expect(known).toContain(capability);
      const delta = readFileSync(join(folder, "specs", capability, "spec.md"), "utf8");
      expect(delta).toMatch(/^## (ADDED|MODIFIED|REMOVED) Requirements$/m);
      expect(incomplete(delta)).toEqual([]);
    }
  },
);

test("a requirement without a duty or a scenario is found", () => {
  expect(incomplete("### Requirement: A\n\nThe fleet may.\n")).toEqual([
    "A: neither SHALL nor MUST",
    "A: no scenario",
  ]);
});
