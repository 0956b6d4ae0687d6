import { hostFailure, relevantLines } from "../../../../deployer/evaluation/errors.ts";

test("a long error is cut to 25 lines", () => {
  const text = `error: first\n${"trace\n".repeat(100)}error: last\n${"detail\n".repeat(100)}`;
  expect(relevantLines(text).split("\n")).toHaveLength(25);
  expect(relevantLines(text)).toMatch(/^error: last\n/);
});

test("warnings and the trace are left out", () => {
  const stderr = [
    "warning: Git tree is dirty",
    "error:\n       … while calling the 'head' builtin\n         at /nix/store/x/lib.nix:1:2:",
    "       error: The option `services.nope' does not exist. Definition values:\n       - In `web.nix': true",
  ].join("\n");
  expect(relevantLines(stderr)).toMatch(/^ *error: The option `services.nope' does not exist/);
  expect(relevantLines(stderr)).not.toMatch(/Git tree is dirty|while calling/);
});

test.each([
  ['error: the flake\'s deployTargets has no host "web"', /add nix\/hosts\/HOST/],
  ["error: path 'x' is not tracked by Git", /`git add` the new ones/],
  ["error: attribute 'nope' missing", /--show-trace/],
])("the hint of %s", (stderr, hint) => {
  expect(hostFailure(["nix"], { exitCode: 1, timedOut: false, stderr }).hint).toMatch(hint);
});

test("a killed process is named", () => {
  expect(hostFailure(["nix"], { exitCode: null, timedOut: false, stderr: "" })).toEqual({
    command: "nix",
    reason: "Nix was killed",
    hint: expect.stringContaining("evaluationMemoryMb"),
  });
});
