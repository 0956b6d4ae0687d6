import type { Ran } from "../../../components/nixos-host/deploy/runner.ts";
import { install } from "../../../components/nixos-host/install/install.ts";
import { type InstallSpecInput, installSpec } from "../../../components/nixos-host/install/spec.ts";
import { phaseStep } from "../../../components/nixos-host/install/steps.ts";
import { installResult } from "../../../components/nixos-host/result.ts";
import { broken, drv, hung, newSystem, ok, oldSystem, status, world } from "./fixtures.ts";

const script = newSystem.replace("nixos-system-web-25.11", "disko");
const input: InstallSpecInput = {
  ...{ schemaVersion: 1, host: "web", address: "203.0.113.10", mark: "i1" },
  ...{
    hostKey: "ssh-ed25519 OWN",
    bootstrapKey: "ssh-ed25519 THROWAWAY",
    drvPath: drv("b"),
    outPath: newSystem,
  },
  disko: { drvPath: drv("d"), script },
};
const otherKey = broken("Host key verification failed.", 255);
const silent = broken("ssh: connect to host 203.0.113.10 port 22: Connection timed out", 255);
const debian = ok({ id: "debian", variant: "", bootId: "b1" });
const installer = ok({ id: "nixos", variant: "installer", bootId: "b2" });
const nixos = ok(status({ system: newSystem }));

/** Answers: `status` is asked with the machine's own key pinned, `ssh` with the throw-away one. */
async function run(answers: Record<string, Ran[]>, more: Partial<InstallSpecInput> = {}) {
  const w = world(answers, { identity: "/keys/deploy" });
  const result = await install(installSpec.parse({ ...input, ...more }), w.tools);
  expect(installResult.parse(result)).toEqual(result);
  return { result, w, phases: w.kinds().filter((kind) => kind !== "status" && kind !== "ssh") };
}
const done = { build: [ok()], kexec: [ok()], disko: [ok()], install: [ok()], reboot: [ok()] };

test("a machine just created: every phase, then it answers with its own key", async () => {
  const { result, phases } = await run({
    ...done,
    status: [silent, otherKey, otherKey, otherKey, otherKey, silent, nixos],
    ssh: [debian, installer],
  });
  expect(result).toMatchObject({ outcome: "installed" });
  expect(phases).toEqual(["build", "kexec", "disko", "install", "reboot"]);
  expect(Object.keys(result.seconds)).toEqual([
    "boot",
    "build",
    "kexec",
    "disko",
    "install",
    "reboot",
    "answer",
  ]);
});

test("a machine that answers with its own key is not touched, but for the mark it takes", async () => {
  const answers = { status: [ok(status({ system: oldSystem }))], secret: [ok("")] };
  const { result, phases } = await run(answers);
  expect(result).toMatchObject({ outcome: "already" });
  expect(phases).toEqual(["secret"]);
});

test("a machine that shows neither key is never installed: lost state, a wrong address, somebody else's", async () => {
  const { result, phases } = await run({ status: [otherKey], ssh: [otherKey] });
  expect(result).toMatchObject({
    outcome: "failed",
    phase: "boot",
    reason: expect.stringContaining("not ours to wipe"),
  });
  expect(phases).toEqual([]);
});

test("a NixOS that shows the throw-away key is not touched", async () => {
  const { result, phases } = await run({
    status: [otherKey],
    ssh: [ok({ id: "nixos", variant: "", bootId: "b" })],
  });
  expect(result).toMatchObject({ outcome: "failed", phase: "guard" });
  expect(phases).toEqual([]);
});

test("a machine that never answers: bounded", async () => {
  const { result } = await run({ status: [silent] }, { seconds: { boot: 10 } });
  expect(result).toMatchObject({
    outcome: "failed",
    phase: "boot",
    reason: expect.stringContaining("does not answer after 10 s"),
  });
});

test("interrupted in the installer: resumed without kexec", async () => {
  const { phases } = await run({ ...done, status: [otherKey, otherKey, otherKey, nixos], ssh: [installer] });
  expect(phases).toEqual(["build", "disko", "install", "reboot"]);
});

test("without a disk script the disk phase is left out", async () => {
  const { phases } = await run(
    { ...done, status: [otherKey, otherKey, otherKey, nixos], ssh: [debian, installer] },
    { disko: undefined },
  );
  expect(phases).toEqual(["build", "kexec", "install", "reboot"]);
});

test.each(["kexec", "disko", "install", "reboot"] as const)(
  "%s hangs: ended at its own limit and told",
  async (phase) => {
    const { result, phases } = await run(
      { ...done, [phase]: [hung], status: [otherKey], ssh: [debian, installer] },
      { seconds: { [phase]: 7 } },
    );
    expect(result).toMatchObject({
      outcome: "failed",
      phase,
      reason: expect.stringContaining("not finished after 7 s"),
    });
    expect(phases.at(-1)).toBe(phase);
  },
);

test("kexec that comes back to the old system is told as that, and nothing is formatted", async () => {
  const { result, phases } = await run({ ...done, status: [otherKey], ssh: [debian] });
  expect(result).toMatchObject({
    outcome: "failed",
    phase: "kexec",
    reason: "the machine came back to the old system (debian)",
  });
  expect(phases).not.toContain("disko");
});

test("a reboot that comes back to the old system", async () => {
  const old = ok({ id: "debian", variant: "", bootId: "b9" });
  const { result } = await run({
    ...done,
    status: [otherKey],
    ssh: [debian, installer, installer, installer, old],
  });
  expect(result).toMatchObject({
    outcome: "failed",
    phase: "reboot",
    reason: expect.stringContaining("came back to the old system"),
  });
});

test("a machine that never reboots: bounded", async () => {
  const { result } = await run(
    { ...done, status: [otherKey], ssh: [debian, installer] },
    { seconds: { answer: 30 } },
  );
  expect(result).toMatchObject({
    outcome: "failed",
    phase: "reboot",
    reason: "it did not reboot within 30 s",
  });
});

test("it answers, but with another system", async () => {
  const { result } = await run({
    ...{ ...done, ssh: [debian, installer] },
    status: [otherKey, otherKey, otherKey, otherKey, ok(status({ system: oldSystem }))],
  });
  expect(result).toMatchObject({
    outcome: "failed",
    phase: "answer",
    reason: expect.stringContaining(newSystem),
  });
});

test("nixos-anywhere's command line: store paths, one phase, pins; no secret", () => {
  const files = {
    bootstrapHosts: "/tmp/b",
    hosts: "/tmp/h",
    identity: "/keys/deploy",
    extraFiles: "/tmp/x/root",
  };
  expect(phaseStep(installSpec.parse(input), files, "install").argv).toEqual([
    ...["nixos-anywhere", "--store-paths", script, newSystem],
    ...["--phases", "install", "--extra-files", "/tmp/x/root", "--ssh-port", "22", "-i", "/keys/deploy"],
    ...["--ssh-option", "HostKeyAlias=web", "--ssh-option", "UserKnownHostsFile=/tmp/b"],
    ...["--ssh-option", "GlobalKnownHostsFile=/dev/null", "--ssh-option", "StrictHostKeyChecking=yes"],
    ...[
      "--ssh-option",
      "BatchMode=yes",
      "--ssh-option",
      "ConnectTimeout=10",
      "--ssh-option",
      "ServerAliveInterval=5",
    ],
    ...[
      "--ssh-option",
      "ControlMaster=no",
      "--ssh-option",
      "ControlPath=none",
      "--target-host",
      "root@203.0.113.10",
    ],
  ]);
});
