/** docs/decisions/threats.md: each threat, its countermeasure and the test that shows it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";

const text = readFileSync("docs/decisions/threats.md", "utf8");
const [claimed = "", listed = ""] = text.split("\n## The tests\n");

interface Shown {
  readonly name: string;
  readonly file: string;
  readonly title: string;
}
const tests: readonly Shown[] = [
  ...listed.replace(/\s+/g, " ").matchAll(/- `([a-z0-9-]+)`: `([^`]+)`, "([^"]+)"/g),
].map(([, name = "", file = "", title = ""]) => ({ name, file, title }));

/** Rows of the tables with three columns: the threat, its countermeasure, its tests. */
const rows = [...claimed.matchAll(/^\| (.+?) +\| (.+?) +\| (.+?) +\|$/gm)]
  .map(([, cannot = "", stops = "", shows = ""]) => ({ cannot, stops, shows }))
  .filter(({ cannot }) => !/^(cannot|-+)$/.test(cannot));
const inBackticks = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);

const escaped = (title: string) => title.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

test("each test it names exists, under that title", () => {
  expect(tests).toHaveLength(listed.match(/^- /gm)?.length ?? 0);
  const missing = tests.filter(({ file, title }) => {
    // The title is a whole string, or the end of one that begins with a value.
    const asTitle = new RegExp(`(?:["\`]|\\$\\{\\w+\\} )${escaped(title)}["\`]`);
    return !existsSync(file) || !asTitle.test(readFileSync(file, "utf8"));
  });
  expect(missing).toEqual([]);
});

test("each row has a countermeasure, and tests of the list or a note that there is none", () => {
  expect(rows.length).toBeGreaterThan(50);
  const known = new Set(tests.map(({ name }) => name));
  for (const { cannot, stops, shows } of rows) {
    const files = inBackticks(stops).filter((word) => word.includes("/"));
    expect([cannot, files.filter((file) => !existsSync(file))]).toEqual([cannot, []]);
    if (shows === "no test") continue;
    const names = inBackticks(shows);
    expect([cannot, shows]).toEqual([cannot, names.map((name) => `\`${name}\``).join(", ")]);
    expect([cannot, names.filter((name) => !known.has(name))]).toEqual([cannot, []]);
  }
});

test("each test of the list is used, and listed once, in order", () => {
  const names = tests.map(({ name }) => name);
  expect(names.filter((name) => !claimed.includes(`\`${name}\``))).toEqual([]);
  expect(names).toEqual([...new Set(names)].sort());
});

test("each holder of the first table has a section", () => {
  const [first = ""] = claimed.split("\n## ");
  const holders = first.match(/^\| \[/gm) ?? [];
  expect(holders).toHaveLength(claimed.match(/^## /gm)?.length ?? 0);
});

test("no host switches Tailscale SSH on", () => {
  const modules = readdirSync("nix", { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".nix"),
  );
  expect(modules).toContain("modules/network/tailscale.nix");
  expect(modules.filter((name) => readFileSync(`nix/${name}`, "utf8").includes("--ssh"))).toEqual([]);
});
