import { execFileSync } from "node:child_process";
import {
  EvaluationError,
  evaluate,
  evaluateScript,
  nixEvalArgv,
  readEvaluation,
  relevantLines,
} from "../../../components/nixos-host/evaluate.ts";
import { record, resolved } from "../mocks.ts";
import { drv, newSystem } from "./fixtures.ts";

const args = { flake: "./nix", hosts: ["web", "in"], overrides: { site: "path:/x y" } };
const target = {
  ...{ drvPath: drv("b"), toplevel: newSystem, system: "x86_64-linux", kernel: "/nix/store/k/bzImage" },
  ...{ inhibitors: { dbus: "dbus" }, units: { "web.service": "/nix/store/u/web.service" } },
};

test("one evaluation of the wanted hosts; a host may be called like a keyword", () => {
  expect(nixEvalArgv(args)).toEqual([
    ...[
      "nix",
      "--extra-experimental-features",
      "nix-command flakes",
      "eval",
      "--json",
      "--no-write-lock-file",
    ],
    ...["--override-input", "site", "path:/x y", "./nix#deployTargets"],
    ...["--apply", 'ts: { inherit (ts) "web" "in"; }'],
  ]);
});

test("the script tells Nix's exit status and never has one itself", () => {
  const script = evaluateScript(args).replace(
    / nix .*$/m,
    ' sh -c \'printf "{}"; echo "error: no" >&2; exit 3\'',
  );
  expect(execFileSync("/bin/sh", ["-c", script], { encoding: "utf8", stdio: "pipe" })).toBe("{}\nexit 3\n");
});

test("reads what Nix printed", () => {
  const { toplevel, ...rest } = target;
  expect(readEvaluation(args, `${JSON.stringify({ web: target })}\nexit 0`, "warning: dirty")).toEqual({
    web: { ...rest, outPath: toplevel },
  });
});

test("an evaluation that fails ends the program with the lines that matter and the command", () => {
  const stderr = [
    "warning: Git tree is dirty",
    "error:\n       … while calling the 'head' builtin\n         at /nix/store/x/lib.nix:1:2:",
    "       error: The option `services.nope' does not exist. Definition values:\n       - In `web.nix': true",
  ].join("\n");
  const failing = () => readEvaluation(args, "\nexit 1", stderr);
  expect(failing).toThrow(EvaluationError);
  expect(failing).toThrow(
    /failed \(exit 1\): \.\/nix#deployTargets\n\s*error: The option `services.nope' does not exist/,
  );
  expect(failing).not.toThrow(/Git tree is dirty|while calling/);
  expect(failing).toThrow(/hint: .*--show-trace/);
  expect(failing).toThrow(/command: nix .*'path:\/x y'/);
});

test.each([
  ["\nexit 124", "", /did not finish in time/],
  ["\nexit 127", "sh: 1: nix: not found", /hint: Nix is not on PATH/],
  ["\nexit 1", "error: attribute 'web' missing", /hint: a host of fleet.toml has no configuration/],
  ["", "", /exit unknown/],
  ['{"web":{"drvPath":1}}\nexit 0', "", /another form/],
])("%j with %j", (stdout, stderr, message) => {
  expect(() => readEvaluation(args, stdout, stderr)).toThrow(message);
});

test("a long error is cut", () => {
  const text = `error: first\n${"trace\n".repeat(100)}error: last\n${"detail\n".repeat(100)}`;
  expect(relevantLines(text).split("\n")).toHaveLength(25);
  expect(relevantLines(text)).toMatch(/^error: last\n/);
});

test("an invoke in previews too, without logging, and none for an empty stack", async () => {
  const functions = {
    "command:local:run": () => ({ stdout: `${JSON.stringify({ web: target })}\nexit 0`, stderr: "" }),
  };
  const { recording, result } = await record(() => evaluate(args), { functions, preview: true });
  expect((await resolved(result))["web"]?.outPath).toBe(newSystem);
  expect(recording.calls).toHaveLength(1);
  expect(recording.calls[0]?.inputs).toMatchObject({ logging: "none" });
  const none = await record(() => evaluate({ ...args, hosts: [] }), { functions });
  expect(none.recording.calls).toEqual([]);
});
