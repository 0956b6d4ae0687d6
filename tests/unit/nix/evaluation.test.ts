import { evaluationArgv, figuresOf, inputOverrides, tableOf } from "../../../tools/nix/evaluation.ts";

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

test("a directory with a blank is encoded, because Nix refuses it as it is", () => {
  expect(inputOverrides(new Map([["disko", "/in (x)/d"]]))[2]).toBe("path:/in%20%28x%29/d");
});
