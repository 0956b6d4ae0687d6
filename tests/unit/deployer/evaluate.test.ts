import * as fs from "node:fs";
import {
  EvaluationError,
  evaluate,
  nixEvalArgv,
  readEvaluation,
  relevantLines,
} from "../../../deployer/evaluate.ts";
import type { CommandResult } from "../../../deployer/process/runner.ts";
import { Programs } from "../programs.ts";
import { drv, newSystem } from "./fixtures.ts";

const args = { flake: "./nix", hosts: ["web", "in"], overrides: { site: "path:/x y" } };
const target = {
  drvPath: drv("b"),
  toplevel: newSystem,
  system: "x86_64-linux",
  kernel: "/nix/store/k/bzImage",
  inhibitors: { dbus: "dbus" },
  units: { "web.service": "/nix/store/u/web.service" },
};

const ran = (more: Partial<CommandResult>): CommandResult => ({
  exitCode: 0,
  timedOut: false,
  stdout: "",
  stderr: "",
  ...more,
});

test("all hosts are evaluated at once; a host's name may be a keyword of Nix", () => {
  expect(nixEvalArgv(args)).toEqual([
    ...[
      "nix",
      "--extra-experimental-features",
      "nix-command flakes",
      "eval",
      "--json",
      "--no-write-lock-file",
    ],
    ...["--override-input", "site", "path:/x%20y", "./nix#deployTargets"],
    ...["--apply", 'ts: { inherit (ts) "web" "in"; }'],
  ]);
});

test("reads what Nix printed", () => {
  const { toplevel, ...rest } = target;
  expect(
    readEvaluation(args, ran({ stdout: JSON.stringify({ web: target }), stderr: "warning: dirty" })),
  ).toEqual({
    web: { ...rest, outPath: toplevel },
  });
});

test("a failed evaluation throws the relevant lines, the command and a hint", () => {
  const stderr = [
    "warning: Git tree is dirty",
    "error:\n       … while calling the 'head' builtin\n         at /nix/store/x/lib.nix:1:2:",
    "       error: The option `services.nope' does not exist. Definition values:\n       - In `web.nix': true",
  ].join("\n");
  const failing = () => readEvaluation(args, ran({ exitCode: 1, stderr }));
  expect(failing).toThrow(EvaluationError);
  expect(failing).toThrow(
    /failed \(exit 1\): \.\/nix#deployTargets\n\| \s*error: The option `services.nope' does not exist/,
  );
  expect(failing).not.toThrow(/Git tree is dirty|while calling/);
  expect(failing).toThrow(/hint: .*--show-trace/);
  expect(failing).toThrow(/command: nix .*'nix-command flakes' .*path:\/x%20y/);
});

test.each([
  [{ exitCode: null, timedOut: true }, /did not finish in time/],
  [
    { exitCode: 1, stderr: "error: attribute 'web' missing" },
    /hint: a host of fleet.toml has no configuration/,
  ],
  [{ exitCode: null }, /exit unknown/],
  [{ stdout: '{"web":{"drvPath":1}}' }, /does not have the expected form/],
])("%j", (ended, message) => {
  expect(() => readEvaluation(args, ran(ended))).toThrow(message);
});

test("a long error is cut to 25 lines", () => {
  const text = `error: first\n${"trace\n".repeat(100)}error: last\n${"detail\n".repeat(100)}`;
  expect(relevantLines(text).split("\n")).toHaveLength(25);
  expect(relevantLines(text)).toMatch(/^error: last\n/);
});

describe("with a fake nix on PATH", () => {
  let own: Programs;
  let leave: () => void;
  beforeEach(() => {
    own = new Programs("evaluate");
    leave = own.enter();
  });
  afterEach(() => {
    leave();
    own.remove();
  });

  test("it runs once, and not at all for an empty stack", async () => {
    // More than a pipe holds.
    const units = Object.fromEntries(
      Array.from({ length: 5000 }, (_, i) => [`u${i}.service`, "/nix/store/u"]),
    );
    fs.writeFileSync(`${own.directory}/output`, JSON.stringify({ web: { ...target, units } }));
    own.program("nix", `cat "${own.directory}/output"`);
    expect((await evaluate(args))["web"]).toMatchObject({ outPath: newSystem, units });
    expect(await evaluate({ ...args, hosts: [] })).toEqual({});
    expect(own.read("log").split("\n")).toEqual([expect.stringContaining("deployTargets"), ""]);
  });

  test("its failure rejects the promise, also when that is awaited later", async () => {
    own.program("nix", "echo 'error: no' >&2; exit 3");
    const evaluation = evaluate(args);
    await new Promise((resolve) => setTimeout(resolve, 100)); // it fails before it is awaited
    await expect(evaluation).rejects.toThrow(/failed \(exit 3\)(.|\n)*error: no/);
  });

  test("it is ended at its time limit", async () => {
    own.program("nix", "exec sleep 1000");
    await expect(evaluate({ ...args, timeoutSeconds: 1 })).rejects.toThrow(/did not finish in time/);
  });

  test("without Nix the error names PATH", async () => {
    process.env["PATH"] = own.directory;
    await expect(evaluate(args)).rejects.toThrow(/hint: Nix is not on PATH/);
  });
});
