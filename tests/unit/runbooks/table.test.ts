/** The table of runbooks: targets, lines and the page that is made from it. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  chosenRunbooks,
  listedRunbooks,
  listText,
  refuseRealStacks,
} from "../../../cli/rehearse/rehearse.ts";
import { loadInventory } from "../../../inventory/load.ts";
import { listedLibraries } from "../../../sandbox/image/postgresql.ts";
import { rehearsalInventory, withMessage } from "../../../sandbox/runbooks/fleet.ts";
import { sandboxLine } from "../../../sandbox/runbooks/lines.ts";
import { readMark, removeMark, writeMark } from "../../../sandbox/runbooks/mark.ts";
import { runbooksPage } from "../../../sandbox/runbooks/page.ts";
import { resultsDirectory, writeResult } from "../../../sandbox/runbooks/result.ts";
import { RUNBOOKS } from "../../../sandbox/runbooks/table.ts";
import { WITHOUT_RUNBOOK } from "../../../sandbox/runbooks/targets.ts";
import { previewedChanges } from "../../../sandbox/runbooks/world.ts";

const inventory = loadInventory("nix/fleet.toml");
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pantheros-runbooks-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("each target of the inventory has a runbook or a reason, and each runbook has a target", () => {
  const targets = Object.keys(inventory.budgets?.recovery ?? {});
  const covered = [...RUNBOOKS.map(({ name }) => name), ...Object.keys(WITHOUT_RUNBOOK)];
  expect(covered.toSorted()).toEqual(targets.toSorted());
});

test("docs/runbooks.md is that of the table; make docs writes it", () => {
  expect(readFileSync("docs/runbooks.md", "utf8")).toBe(runbooksPage(inventory));
});

test("no word in capitals is left in a line of the sandbox", () => {
  const lines = RUNBOOKS.flatMap(({ steps, values }) =>
    steps.flatMap((step) => {
      const all = { ...values, REPOSITORY: "/origin.git", CHECKOUT: "/checkout" };
      return sandboxLine(step, { values: all, checkout: "/checkout" }) ?? [];
    }),
  );
  expect(lines.length).toBeGreaterThan(8);
  const left = lines.flatMap((line) => line.match(/\b(?!HEAD\b|HOME\b)[A-Z]{3,}\b|\brun |production/g) ?? []);
  expect(left).toEqual([]);
});

test.each([
  ["run tools/pulumi up --stack production", "tools/pulumi up --yes --skip-preview --suppress-outputs"],
  [
    "run tools/pulumi refresh --stack production",
    "tools/pulumi refresh --yes --skip-preview --suppress-outputs",
  ],
  ["run tools/pantheros recover --stack production", "tools/pantheros recover"],
  ["git revert --no-edit COMMIT", "git -C '/a b' revert --no-edit HEAD"],
  ["git clone REPOSITORY CHECKOUT", "git clone REPOSITORY CHECKOUT"],
  ["run nix copy $(run tools/x --stack production)", "tools/pantheros sandbox exec nix copy $(tools/x)"],
])("%s in the sandbox", (text, expected) => {
  const values = { COMMIT: "HEAD" };
  expect(sandboxLine({ on: "runner", text }, { values, checkout: "/a b" })).toBe(expected);
});

describe("the fleet of the rehearsals", () => {
  const text = rehearsalInventory(readFileSync("sandbox/nix/fleet.toml", "utf8"));

  test("is a valid inventory with a cache, a database and its secrets", () => {
    const file = join(directory, "fleet.toml");
    writeFileSync(file, text);
    const fleet = loadInventory(file);
    expect(fleet.cache.push).toContain(":9002/sandbox-nix-cache");
    expect(Object.keys(fleet.secrets)).toEqual(expect.arrayContaining(["b2-dumps", "backup-password"]));
    expect(text).toContain('databases = [ "notes" ]');
  });

  test("a change of a message changes that line alone", () => {
    const changed = withMessage(text, "web", "a mistake").split("\n");
    const lines = text.split("\n");
    expect(changed.filter((line, at) => line !== lines[at])).toEqual(['motd = "a mistake"']);
  });

  test("a sandbox's fleet without a table that is needed is named", () => {
    expect(() => rehearsalInventory("[cache]\n")).toThrow(
      "sandbox/nix/fleet.toml: no table [buckets.cache]; a rehearsal needs it",
    );
  });
});

describe("the command", () => {
  test("refuses every stack but the sandbox", () => {
    expect(() => refuseRealStacks("production")).toThrow(
      /for the sandbox only, not for production; docs\/runbooks\.md/,
    );
    expect(() => refuseRealStacks("sandbox")).not.toThrow();
  });

  test("rehearses in the order of the table, whatever the order of the words", () => {
    expect(chosenRunbooks(["disaster", "cache"], false).map(({ name }) => name)).toEqual([
      "cache",
      "disaster",
    ]);
    expect(chosenRunbooks([], true)).toHaveLength(RUNBOOKS.length);
  });

  test("lists targets and last results; a file that cannot be read counts as none", () => {
    const kept = join(directory, "kept");
    const result = { name: "cache", startedAt: "2026-01-02T03:04:05.000Z", seconds: 12.3, passed: true };
    const file = writeResult(kept, result);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(result);
    expect(statSync(file).mode & 0o777).toBe(0o644);
    writeFileSync(join(kept, "host.json"), "{");
    const lines = listText(listedRunbooks(inventory, kept)).split("\n");
    expect(lines.find((line) => line.startsWith("cache "))).toMatch(
      /target 4 h; restored in 12 s on 2026-01-02$/,
    );
    expect(lines.find((line) => line.startsWith("host "))).toMatch(/target 1 h; never rehearsed$/);
  });

  test("keeps results in the state directory of the user", () => {
    expect(resultsDirectory({ XDG_STATE_HOME: "/state" })).toBe("/state/pantheros/rehearsals");
    expect(resultsDirectory({ PANTHEROS_STATE_DIR: "/mine", XDG_STATE_HOME: "/state" })).toBe(
      "/mine/rehearsals",
    );
    expect(resultsDirectory({ HOME: "/home/a" })).toBe("/home/a/.local/state/pantheros/rehearsals");
  });
});

test("a rehearsal under way is marked until the sandbox is repaired", () => {
  expect(readMark(directory)).toBeUndefined();
  writeMark(directory, { name: "disaster", removing: true });
  expect(readMark(directory)).toEqual({ name: "disaster", removing: true });
  removeMark(directory);
  expect(readMark(directory)).toBeUndefined();
});

test("the changes of a preview are its steps that change something", () => {
  const step = (op: string, name: string) => ({ op, urn: `urn:pulumi:sandbox::pantheros::x::${name}` });
  const steps = [step("same", "a"), step("read", "b"), step("update", "c"), step("create", "d")];
  expect(previewedChanges(`warning\n${JSON.stringify({ steps })}`)).toEqual(["update c", "create d"]);
});

test("PostgreSQL's libraries are those that it lists, without the C library's", () => {
  const listed = `\tlinux-vdso.so.1 (0x1)
\tlibpq.so.5 => /root/usr/lib/libpq.so.5 (0x2)
\tlibc.so.6 => /root/usr/lib/libc.so.6 (0x3)
\tlibcap.so.2 => /root/usr/lib/libcap.so.2 (0x4)
\t/root/ld-linux-x86-64.so.2 => /root/usr/lib/ld-linux-x86-64.so.2 (0x5)\n`;
  expect(listedLibraries(listed)).toEqual(["/root/usr/lib/libpq.so.5", "/root/usr/lib/libcap.so.2"]);
  expect(() => listedLibraries("\tlibx.so.1 => not found\n")).toThrow(/libx\.so\.1 => not found/);
});
