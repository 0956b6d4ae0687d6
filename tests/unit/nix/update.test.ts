import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { changeLines, inputChanges } from "../../../tools/nix/inputs.ts";

/** A lock file with one input; `node` is the name that the root refers to. */
const lock = (inputs: Readonly<Record<string, readonly [rev: string, seconds: number]>>) =>
  `${JSON.stringify({
    nodes: {
      root: { inputs: Object.fromEntries(Object.keys(inputs).map((name) => [name, `${name}_2`])) },
      ...Object.fromEntries(
        Object.entries(inputs).map(([name, [rev, lastModified]]) => [
          `${name}_2`,
          { locked: { rev, lastModified }, inputs: { other: ["nixpkgs"] } },
        ]),
      ),
      "an-input-of-an-input": { locked: { rev: "9".repeat(40) } },
    },
    root: "root",
    version: 7,
  })}\n`;
const OLD = lock({ nixpkgs: ["a".repeat(40), 1_700_000_000], disko: ["d".repeat(40), 1_600_000_000] });
const NEW = lock({ nixpkgs: ["b".repeat(40), 1_800_000_000], disko: ["d".repeat(40), 1_600_000_000] });

test("a change names the flake's own input, its revisions and their days", () => {
  expect(changeLines(inputChanges(OLD, NEW))).toEqual([
    "nixpkgs: aaaaaaaaaaaa (2023-11-14) -> bbbbbbbbbbbb (2027-01-15)",
  ]);
  expect(inputChanges(OLD, OLD)).toEqual([]);
  expect(changeLines(inputChanges(lock({}), NEW))).toEqual([
    "disko: none -> dddddddddddd (2020-09-13)",
    "nixpkgs: none -> bbbbbbbbbbbb (2027-01-15)",
  ]);
});

describe("an update", () => {
  let root: string;
  const repository = () => join(root, "repository");
  const lockOf = () => readFileSync(join(repository(), "nix/flake.lock"), "utf8");
  const environment = (): NodeJS.ProcessEnv => ({
    ...process.env,
    PATH: `${root}/bin:${process.env["PATH"]}`,
    GIT_AUTHOR_NAME: "person",
    GIT_AUTHOR_EMAIL: "person@example.test",
    GIT_COMMITTER_NAME: "person",
    GIT_COMMITTER_EMAIL: "person@example.test",
  });
  const git = (...args: readonly string[]) =>
    spawnSync("git", args, { cwd: repository(), encoding: "utf8", env: environment() }).stdout;
  const update = (...args: readonly string[]) =>
    spawnSync(process.execPath, ["tools/nix/update.ts", ...args], {
      cwd: repository(),
      encoding: "utf8",
      env: environment(),
    });

  /** A checkout whose `nix` writes NEW, and whose evaluation has that exit code. */
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "nix-update-"));
    for (const directory of ["bin", "repository/nix", "repository/tools/nix", "repository/deployer"])
      mkdirSync(join(root, directory), { recursive: true });
    for (const file of ["tools/nix/update.ts", "tools/nix/inputs.ts", "deployer/nix.ts", "package.json"])
      cpSync(file, join(repository(), file));
    symlinkSync(join(process.cwd(), "node_modules"), join(repository(), "node_modules"));
    writeFileSync(join(repository(), "nix/flake.lock"), OLD);
    writeFileSync(join(root, "new.lock"), NEW);
    writeFileSync(
      join(root, "bin/nix"),
      `#!/bin/sh\necho "$*" >>${root}/calls\ncp ${root}/new.lock nix/flake.lock\n[ ! -e ${root}/offline ]\n`,
      { mode: 0o755 },
    );
    evaluation("process.exit(0)");
    writeFileSync(join(repository(), ".gitignore"), "node_modules\nflake.lock.failed\n");
    git("init", "--quiet");
    git("add", "--all");
    git("commit", "--quiet", "--message", "first");
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const evaluation = (text: string) => writeFileSync(join(repository(), "tools/nix/evaluate.ts"), text);

  test("that evaluates is kept, and says what changed", () => {
    const { status, stdout } = update("nixpkgs");
    expect([status, lockOf()]).toEqual([0, NEW]);
    expect(stdout).toContain("nixpkgs: aaaaaaaaaaaa (2023-11-14) -> bbbbbbbbbbbb (2027-01-15)");
    expect(readFileSync(join(root, "calls"), "utf8")).toContain("flake update nixpkgs --flake path:./nix");
  });

  test("that does not evaluate is taken back, and its lock file is kept beside", () => {
    evaluation("process.exit(1)");
    git("commit", "--quiet", "--all", "--message", "break");
    const { status, stderr } = update();
    expect([status, lockOf()]).toEqual([1, OLD]);
    expect(stderr).toMatch(
      /do not evaluate with these inputs.*flake\.lock\.failed.*make nix-update INPUT=NAME/,
    );
    expect(readFileSync(join(repository(), "flake.lock.failed"), "utf8")).toBe(NEW);
  });

  test("without a network changes nothing, also when Nix wrote a part", () => {
    writeFileSync(join(root, "offline"), "");
    expect([update().status, lockOf()]).toEqual([1, OLD]);
  });

  test("of nothing is a success", () => {
    writeFileSync(join(root, "new.lock"), OLD);
    expect(update()).toMatchObject({ status: 0, stdout: "Every input is up to date.\n" });
  });

  test("does not begin over changes that it could lose", () => {
    writeFileSync(join(repository(), "nix/flake.lock"), NEW);
    const { status, stderr } = update();
    expect([status, lockOf(), existsSync(join(root, "calls"))]).toEqual([2, NEW, false]);
    expect(stderr).toContain("commit or stash them");
  });

  test("with --commit is on a branch of its own, with a line for each input", () => {
    expect(update("--commit").status).toBe(0);
    expect(git("branch", "--show-current")).toMatch(/^update\/\d{4}-\d\d-\d\d\n$/);
    expect(git("log", "-1", "--format=%B")).toContain("nix: update 1 input\n\nnixpkgs: aaaaaaaaaaaa");
    expect(git("status", "--porcelain")).toBe("");
  });

  test("that is interrupted leaves the old lock file", () => {
    evaluation('process.kill(process.ppid, "SIGTERM"); setInterval(() => {}, 1000);');
    git("commit", "--quiet", "--all", "--message", "slow");
    expect([update().status, lockOf()]).toEqual([143, OLD]);
  });
});
