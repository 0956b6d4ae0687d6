import { execFileSync, spawnSync } from "node:child_process";
import { supervisorText } from "./fake-host.ts";

const text = `#!/bin/sh\n${supervisorText()}`;
const shellcheck = spawnSync("shellcheck", ["--version"]).status === 0 ? test : test.skip;

test("the joined text is the one that systems are built with", () => {
  const expression = `import ${process.cwd()}/nix/modules/deployment/parts.nix`;
  const nix = ["nix", "--extra-experimental-features", "nix-command", "eval", "--impure", "--raw"];
  expect(execFileSync("tools/with", [...nix, "--expr", expression], { encoding: "utf8" })).toBe(
    supervisorText(),
  );
});

shellcheck("the parts are one valid program: nothing undefined, nothing unused", () => {
  // The parts disable checks that need the whole program.
  const whole = text.replaceAll(/^# shellcheck shell=sh disable=.*$/gm, "#");
  const { stdout, status } = spawnSync("shellcheck", ["-"], { input: whole, encoding: "utf8" });
  expect([stdout, status]).toEqual(["", 0]);
});
