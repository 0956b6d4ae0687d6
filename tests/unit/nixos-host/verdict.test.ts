import { spawnSync } from "node:child_process";
import * as pulumi from "@pulumi/pulumi";
import {
  type HostVerdict,
  Verdict,
  verdictText,
  verdictTrigger,
} from "../../../components/nixos-host/verdict.ts";
import type { DeployResult } from "../../../deployer/protocol/result.ts";
import { newSystem, oldSystem } from "../deployer/fixtures.ts";
import { record } from "../mocks.ts";

const verdictOf = (
  host: string,
  outcome: DeployResult["outcome"],
  more: Partial<DeployResult> = {},
  converge: HostVerdict["converge"] = "must",
): HostVerdict => ({
  result: { schemaVersion: 1, host, outcome, token: `t-${host}`, seconds: {}, ...more },
  converge,
});
const good = verdictOf("a", "confirmed", { generation: 8, running: newSystem });
const bad = verdictOf("web", "rolled-back", {
  step: "activate",
  command: "switch-to-configuration test",
  exitCode: 4,
  running: oldSystem,
  reason: "the following units failed: web.service",
  hint: "look at its log",
});
const held = verdictOf("z", "held", { reason: "waits for web (rolled-back)" });

test("has host, step, command, reason and running system; failed hosts first, then held ones", () => {
  expect(verdictText([good, held, bad])).toEqual({
    failed: true,
    text: [
      "1 of 3 hosts not converged, 1 held",
      "web: rolled-back at activate",
      "  reason:  | the following units failed: web.service",
      "  command: | switch-to-configuration test (exit 4)",
      "  hint:    look at its log",
      `  runs:    ${oldSystem}`,
      "z: held: waits for web (rolled-back); not touched",
      "a: confirmed, generation 8",
    ].join("\n"),
  });
});

test.each([
  ["all confirmed", [good], false],
  ["a laptop offline", [good, verdictOf("laptop", "offline", {}, "best-effort")], false],
  ["a laptop failed", [good, verdictOf("laptop", "failed", { step: "copy" }, "best-effort")], false],
  ["a laptop held by the canary's failure", [bad, verdictOf("laptop", "held", {}, "best-effort")], true],
  ["a required host failed", [verdictOf("web", "failed", { step: "copy" })], true],
  ["a required host offline", [verdictOf("web", "offline")], true],
  ["only held", [held], true],
  ["no host", [], false],
])("%s", (_, hosts, failed) => {
  expect(verdictText(hosts).failed).toBe(failed);
});

test("a cause that several hosts share is printed once", () => {
  const failed = (host: string, reason: string) => verdictOf(host, "failed", { step: "resources", reason });
  const { text } = verdictText([
    failed("a", "no server"),
    failed("b", "no server"),
    failed("c", "no address"),
  ]);
  expect(text).toBe(
    [
      "3 of 3 hosts not converged",
      "a: failed at resources",
      "  reason:  | no server",
      "  runs:    unknown",
      "b: failed at resources, as a",
      "c: failed at resources",
      "  reason:  | no address",
      "  runs:    unknown",
    ].join("\n"),
  );
});

test("other problems fail it too, and are reported", () => {
  const { failed, text } = verdictText([good], ["a: secret op-token failed: no answer"]);
  expect(failed).toBe(true);
  expect(text).toContain("a: secret op-token failed: no answer");
});

test("its trigger depends on outcomes, tokens and problems only", () => {
  const trigger = verdictTrigger([good, bad], []);
  const slower = {
    ...good,
    result: { ...good.result, seconds: { copy: 9 }, health: [{ name: "x", ok: true }] },
  };
  expect(verdictTrigger([bad, slower], [])).toBe(trigger);
  expect(verdictTrigger([good, { ...bad, result: { ...bad.result, outcome: "confirmed" } }], [])).not.toBe(
    trigger,
  );
  expect(verdictTrigger([{ ...good, result: { ...good.result, token: "t2" } }, bad], [])).not.toBe(trigger);
  expect(verdictTrigger([good, bad], ["x"])).not.toBe(trigger);
});

async function command(hosts: readonly HostVerdict[]) {
  const { recording } = await record(
    () =>
      new Verdict("verdict", {
        hosts: hosts.map(({ result, converge }) => ({ result: pulumi.output(result), converge })),
      }),
  );
  return recording.ofType("command:local:Command")[0];
}

test("the command prints the text, and fails exactly if the verdict does", async () => {
  for (const hosts of [[good], [good, bad]]) {
    const found = await command(hosts);
    const inputs = found?.inputs as { create: string; environment: Record<string, string> };
    const ran = spawnSync("/bin/sh", ["-c", inputs.create], { env: inputs.environment, encoding: "utf8" });
    expect(ran.status).toBe(hosts.includes(bad) ? 1 : 0);
    expect(ran.stderr).toBe(`${verdictText(hosts).text}\n`);
  }
});

test("a new text alone is not a change", async () => {
  const found = await command([good]);
  expect(found?.ignoreChanges).toEqual(expect.arrayContaining(["create", "environment", "logging"]));
  expect(found?.ignoreChanges).not.toContain("triggers");
});
