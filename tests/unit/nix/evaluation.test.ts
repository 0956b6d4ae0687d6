import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  differenceOf,
  evaluationArgv,
  figuresOf,
  inputOverrides,
  processFigures,
  tableOf,
  wholeFlakeHosts,
} from "../../../tools/nix/evaluation.ts";

test("all selected hosts are one expression of one evaluation, and the lock file is not written", () => {
  expect(
    evaluationArgv({
      flake: "path:/fleet/nix",
      hosts: ["web", "db"],
      overrides: ["--override-input", "nixpkgs", "path:/np"],
    }),
  ).toEqual([
    "nix",
    "--extra-experimental-features",
    "nix-command flakes",
    "eval",
    "--json",
    "path:/fleet/nix#nixosConfigurations",
    "--apply",
    'cs: let apply = c: c.config.system.build.toplevel.drvPath; in { "web" = apply cs."web"; "db" = apply cs."db"; }',
    "--no-write-lock-file",
    "--override-input",
    "nixpkgs",
    "path:/np",
  ]);
});

test("local directories replace inputs", () => {
  expect(
    inputOverrides(
      new Map([
        ["disko", "/in/disko"],
        ["nixpkgs", "/np"],
      ]),
    ),
  ).toEqual(["--override-input", "disko", "path:/in/disko", "--override-input", "nixpkgs", "path:/np"]);
});

test("figures are Nix's own statistics, in seconds and megabytes", () => {
  const figures = figuresOf("web", 3.26, JSON.stringify({ cpuTime: 2.31, gc: { heapSize: 402_718_720 } }));
  expect(figures).toEqual({ name: "web", seconds: 3.26, cpuSeconds: 2.31, megabytes: 402.71872 });
  expect(tableOf([figures]).split("\n").at(-1)).toBe("| web | 3.3 | 2.3 | 403 |");
});

test("the processes of an evaluation are rows, and their sum is one; hosts of the whole flake are named", () => {
  const statistics = (cpuTime: number) => JSON.stringify({ cpuTime, gc: { heapSize: 1.3e9 } });
  const ended = [
    { hosts: ["web", "db"], attribute: "deployTargetOf", seconds: 4, statistics: statistics(3) },
    { hosts: ["mail"], attribute: "deployTargets", seconds: 2, statistics: statistics(1) },
  ];
  const rows = processFigures(ended, 4.5);
  expect(rows.slice(0, 2).map(({ name }) => name)).toEqual(["process: web db", "process: mail"]);
  expect(rows[2]).toEqual({
    name: "as the program: 3 hosts, largest heap",
    seconds: 4.5,
    cpuSeconds: 4,
    megabytes: 1300,
  });
  expect(wholeFlakeHosts(ended)).toEqual(["mail"]);
});

test("a system that the program evaluates otherwise names both derivations", () => {
  expect(differenceOf("/nix/store/a.drv", "/nix/store/a.drv")).toBeUndefined();
  expect(differenceOf("/nix/store/a.drv", "/nix/store/b.drv")).toContain(
    "/nix/store/a.drv and /nix/store/b.drv",
  );
});

test("a directory with a blank is encoded, because Nix refuses it as it is", () => {
  expect(inputOverrides(new Map([["disko", "/in (x)/d"]]))[2]).toBe("path:/in%20%28x%29/d");
});

describe("make nix-eval", () => {
  let bin = "";
  beforeEach(() => {
    bin = mkdtempSync(path.join(tmpdir(), "nix-eval-"));
    const nix = `#!/bin/sh\necho "$*" >>${bin}/calls\necho "error: no network" >&2\nexit 1\n`;
    writeFileSync(path.join(bin, "nix"), nix, { mode: 0o755 });
  });
  afterEach(() => rmSync(bin, { recursive: true }));

  const evaluate = (env: NodeJS.ProcessEnv) =>
    spawnSync(process.execPath, ["tools/nix/evaluate.ts"], {
      encoding: "utf8",
      env: { PATH: `${bin}:${process.env["PATH"]}`, ...env },
    });

  test("variables that the Makefile sets to nothing are as if absent", () => {
    const { status, stderr } = evaluate({ NIXPKGS: "", INPUTS: "", HOSTS: "web" });
    expect([status, stderr.trim().split("\n")]).toEqual([1, ["web … failed", "error: no network"]]);
    expect(readFileSync(path.join(bin, "calls"), "utf8")).not.toContain("--override-input");
  });

  test.each([
    [{ INPUTS: "/nowhere" }, "nix-eval: INPUTS=/nowhere does not exist"],
    [{ NIXPKGS: "/nowhere" }, "nix-eval: NIXPKGS=/nowhere has no flake.nix"],
  ])("%j: one line", (env, message) => {
    const { status, stderr } = evaluate({ HOSTS: "web", ...env });
    expect([status, stderr.split("\n").length]).toEqual([2, 2]);
    expect(stderr).toContain(message);
  });
});
