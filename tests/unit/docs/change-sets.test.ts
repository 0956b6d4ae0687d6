/** The sets of files that docs/development.md names for each kind of change, compared with the newest instance of the kind. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const text = readFileSync("docs/development.md", "utf8");

/** The paths in the item of a kind of change; a path with a final slash is a folder. */
function documented(kind: string): string[] {
  const start = text.indexOf(`- **${kind}**`);
  if (start < 0) throw new Error(`docs/development.md has no item "${kind}"`);
  const item = text.slice(start).split(/\n(?=- \*\*|\n)/)[0] ?? "";
  return [...item.matchAll(/`([^`\s]+)`/g)].map(([, path = ""]) => path);
}

/** Files of the repository that match, without tests, prose, fleets and lock files. */
function filesWith(pattern: string): string[] {
  const others = ["tests", "docs", "*.md", "*.toml", "*.sum", ".github", "tools/production.env.example"];
  const argv = ["grep", "--untracked", "-IlE", pattern, "--", ...others.map((path) => `:!${path}`)];
  const { stdout, status } = spawnSync("git", argv, { encoding: "utf8" });
  if (status !== 0) throw new Error(`no file has ${pattern}`);
  return stdout.trim().split("\n");
}

const isIn = (paths: readonly string[]) => (file: string) =>
  paths.some((path) => (path.endsWith("/") ? file.startsWith(path) : file === path));

test.each([
  ["A provider of servers", "hetzner"],
  ["A DNS record type", "\\bTLSA\\b"],
])("%s: the files that have its newest instance (%s) are in the documented set", (kind, pattern) => {
  const inSet = isIn(documented(kind));
  expect(filesWith(pattern).filter((file) => !inSet(file))).toEqual([]);
});

test("A command: each has its file in cli/commands/ and its line in cli/program.ts", () => {
  expect(documented("A command of `tools/pantheros`")).toEqual(
    expect.arrayContaining(["cli/commands/", "cli/program.ts", "cli/help.txt", "docs/pantheros.1"]),
  );
  const program = readFileSync("cli/program.ts", "utf8");
  const missing = readdirSync("cli/commands").filter((file) => !program.includes(`./commands/${file}`));
  expect(missing).toEqual([]);
});

test("A provider: its folder has only files that providers/README.md lists, or that these import", () => {
  const listed = readFileSync("providers/README.md", "utf8");
  for (const kind of ["existing", "image", "hetzner"]) {
    const imported = readdirSync(`providers/${kind}`)
      .map((file) => readFileSync(`providers/${kind}/${file}`, "utf8"))
      .join("\n");
    const unknown = readdirSync(`providers/${kind}`).filter(
      (file) => !listed.includes(`\`${file}\``) && !imported.includes(`"./${file}"`),
    );
    expect(unknown).toEqual([]);
  }
});
