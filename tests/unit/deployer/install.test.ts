import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Server } from "../../../deployer/install/context.ts";
import { install } from "../../../deployer/install/install.ts";
import { type InstallSpecInput, installSpec } from "../../../deployer/install/spec.ts";
import { phaseStep, sshScript } from "../../../deployer/install/steps.ts";
import type { CommandResult } from "../../../deployer/process/runner.ts";
import { installResult } from "../../../deployer/protocol/result.ts";
import { broken, drv, hung, newSystem, ok, oldSystem, status, world } from "./fixtures.ts";

const script = newSystem.replace("nixos-system-web-25.11", "disko");
const input: InstallSpecInput = {
  schemaVersion: 1,
  host: "web",
  address: "203.0.113.10",
  user: "deploy",
  hostKey: "ssh-ed25519 OWN",
  bootstrapKey: "ssh-ed25519 THROWAWAY",
  drvPath: drv("b"),
  outPath: newSystem,
  disko: { drvPath: drv("d"), script },
};
const otherKey = broken("Host key verification failed.", 255);
const silent = broken("ssh: connect to host 203.0.113.10 port 22: Connection timed out", 255);
const debian = ok({ id: "debian", variant: "", bootId: "b1" });
const installer = ok({ id: "nixos", variant: "installer", bootId: "b2" });
const nixos = ok(status({ system: newSystem }));

/** Answers: `status` runs with the machine's own key pinned, `ssh` with the bootstrap key. */
async function run(
  answers: Record<string, CommandResult[]>,
  more: Partial<InstallSpecInput> = {},
  vendor: Partial<Server> = {},
) {
  const w = world(answers, { identity: "/keys/deploy" });
  const server: Server = {
    open: async () => {},
    close: async () => {},
    openHint: "it is opened with TOKEN",
    status: async () => "running",
    rebuild: async () => {},
    ...vendor,
  };
  const tools = { ...w.tools, ...(more.provider && { server }) };
  const result = await install(installSpec.parse({ ...input, ...more }), tools);
  expect(installResult.parse(result)).toEqual(result);
  return { result, w, phases: w.kinds().filter((kind) => kind !== "status" && kind !== "ssh") };
}
/** The vendor's side; port 22 is open anyway unless `allowedSources` says otherwise. */
const provider = { kind: "rack", stack: "test", server: "42", settings: { image: "debian-13" } };
const done = { build: [ok()], kexec: [ok()], disko: [ok()], install: [ok()], reboot: [ok()] };

test("a new machine: every phase runs, then it answers with its own key", async () => {
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

test("a machine that answers with its own key is not touched", async () => {
  const { result, phases } = await run({ status: [ok(status({ system: oldSystem }))] });
  expect(result).toMatchObject({ outcome: "already" });
  expect(phases).toEqual([]);
});

test("a machine that shows neither key is never installed: lost state, wrong address, unknown machine", async () => {
  const { result, phases } = await run({ status: [otherKey], ssh: [otherKey] });
  expect(result).toMatchObject({
    outcome: "failed",
    phase: "boot",
    reason: expect.stringContaining("this host; it is not touched"),
  });
  expect(phases).toEqual([]);
});

test("a NixOS that shows the bootstrap key is not touched", async () => {
  const { result, phases } = await run({
    status: [otherKey],
    ssh: [ok({ id: "nixos", variant: "", bootId: "b" })],
  });
  expect(result).toMatchObject({ outcome: "failed", phase: "guard" });
  expect(phases).toEqual([]);
});

test("a machine that never answers: the wait is bounded", async () => {
  const { result } = await run({ status: [silent] }, { seconds: { boot: 10 } });
  expect(result).toMatchObject({
    outcome: "failed",
    phase: "boot",
    reason: expect.stringContaining("does not answer after 10 s"),
  });
});

test("a server that is off is reported as off, and not waited for", async () => {
  const { result, w } = await run({ status: [silent] }, { provider }, { status: async () => "off" });
  expect(result).toMatchObject({ outcome: "failed", phase: "boot", reason: "the server is off" });
  expect(w.commands).toHaveLength(1);
});

describe("what must not be wiped", () => {
  const machineId = "0123456789abcdef0123456789abcdef";
  const created = { id: "debian", variant: "", bootId: "b1", machineId };

  test.each([
    ["a NixOS", { ...created, id: "nixos" }, "it runs NixOS already"],
    ["data", { ...created, data: "/srv/photos/one" }, "it holds data (/srv/photos/one)"],
  ])(
    "%s on a machine with the bootstrap key: refused, unless `reinstall` names it",
    async (_, facts, why) => {
      const refused = await run({ status: [otherKey], ssh: [ok(facts)] });
      expect(refused.result).toMatchObject({
        outcome: "failed",
        phase: "guard",
        reason: expect.stringContaining(why),
        hint: expect.stringContaining(`provider.reinstall = "${machineId}"`),
      });
      expect(refused.phases).toEqual([]);
      const answers = {
        ...done,
        status: [otherKey, otherKey, otherKey, otherKey, nixos],
        ssh: [ok(facts), installer],
      };
      const other = await run({ ...answers }, { reinstall: "f".repeat(32) });
      expect(other.result).toMatchObject({ phase: "guard" });
      const named = await run(
        { ...done, status: [otherKey, otherKey, otherKey, otherKey, nixos], ssh: [ok(facts), installer] },
        { reinstall: machineId },
      );
      expect(named.result).toMatchObject({ outcome: "installed" });
    },
  );

  test("an installed machine gets a new disk if `reinstall` names it; otherwise it is left alone", async () => {
    const disks: string[] = [];
    const vendor = { rebuild: async () => void disks.push("new") };
    const answers = () => ({
      ...done,
      status: [nixos, otherKey, otherKey, otherKey, otherKey, nixos],
      ssh: [ok(machineId), debian, installer],
    });
    const named = await run(answers(), { provider, reinstall: machineId }, vendor);
    expect(named.result).toMatchObject({ outcome: "installed" });
    expect(named.phases).toEqual(["build", "kexec", "disko", "install", "reboot"]);
    expect(disks).toEqual(["new"]);
    const other = await run(answers(), { provider, reinstall: "f".repeat(32) }, vendor);
    expect(other.result).toMatchObject({ outcome: "already" });
    expect(other.phases).toEqual([]);
    expect(disks).toEqual(["new"]);
  });

  test("a protected server: the vendor's refusal is reported", async () => {
    const rebuild = () => Promise.reject(new Error("server is protected (protected, HTTP 423)"));
    const { result } = await run(
      { status: [nixos], ssh: [ok(machineId)] },
      { provider, reinstall: machineId },
      { rebuild },
    );
    expect(result).toMatchObject({
      outcome: "failed",
      phase: "wipe",
      reason: expect.stringContaining("server is protected"),
      hint: expect.stringContaining("remove the protection"),
    });
  });
});

describe("port 22", () => {
  test("is opened before the machine is probed", async () => {
    const order: string[] = [];
    const { result } = await run(
      { status: [nixos] },
      { provider: { ...provider, allowedSources: ["198.51.100.1/32"] } },
      { open: async () => void order.push("open") },
    );
    expect(result).toMatchObject({ outcome: "already" });
    expect(Object.keys(result.seconds)).toEqual(["door", "boot"]);
    expect(order).toEqual(["open"]);
  });

  test.each([
    ["no network is named", [], {}, "`[deploy] sources` contains no network"],
    [
      "the vendor refuses",
      ["198.51.100.1/32"],
      { open: () => Promise.reject(new Error("token is read-only")) },
      "token is read-only",
    ],
  ])("%s: fails at once, and the machine is not probed", async (_, allowedSources, vendor, why) => {
    const { result, w } = await run({}, { provider: { ...provider, allowedSources } }, vendor);
    expect(result).toMatchObject({ outcome: "failed", phase: "door", reason: expect.stringContaining(why) });
    expect(w.commands).toEqual([]);
  });
});

test("interrupted in the installer: resumed without kexec", async () => {
  const { phases } = await run({ ...done, status: [otherKey, otherKey, otherKey, nixos], ssh: [installer] });
  expect(phases).toEqual(["build", "disko", "install", "reboot"]);
});

test.each([
  [`disko ${script}`, ["install", "reboot"]],
  [`disko ${script} install ${newSystem}`, ["reboot"]],
  [`disko ${script} install ${oldSystem}`, ["install", "reboot"]],
  [`install ${newSystem}`, ["disko", "install", "reboot"]],
])("interrupted after %s: resumed with the next phase", async (finished, rest) => {
  const at = ok({ id: "nixos", variant: "installer", bootId: "b2", done: finished });
  const { phases } = await run({ ...done, status: [otherKey, otherKey, otherKey, nixos], ssh: [at] });
  expect(phases.filter((phase) => phase !== "build")).toEqual(rest);
});

test("a finished phase is recorded on the machine, with its script or system", async () => {
  const { w } = await run({
    ...done,
    status: [otherKey, otherKey, otherKey, otherKey, otherKey, otherKey, nixos],
    ssh: [debian, installer],
  });
  const notes = w.commands.filter(({ argv }) => argv.at(-1)?.startsWith("tee"));
  expect(notes.map(({ input }) => input)).toEqual([`disko ${script}\n`, `install ${newSystem}\n`]);
});

test("without a disk script the disk phase is left out", async () => {
  const { phases } = await run(
    { ...done, status: [otherKey, otherKey, otherKey, nixos], ssh: [debian, installer] },
    { disko: undefined },
  );
  expect(phases).toEqual(["build", "kexec", "install", "reboot"]);
});

test.each(["kexec", "disko", "install", "reboot"] as const)(
  "%s hangs: ended at its own limit and reported",
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

test("nixos-anywhere fails because the old system booted: that is the reason, with the command", async () => {
  const { result } = await run({
    ...done,
    kexec: [broken("aborted: Failed to kexec into NixOS installer")],
    status: [otherKey],
    ssh: [debian, ok({ id: "debian", variant: "", bootId: "b7" })],
  });
  expect(result).toMatchObject({
    phase: "kexec",
    reason: "the machine came back to the old system (debian)",
    command: expect.stringContaining("--phases kexec"),
  });
});

test("the reason of a failed phase ends with what the machine runs afterwards", async () => {
  const { result } = await run({
    ...done,
    disko: [broken("Problem opening /dev/sda for reading! Error is 2.")],
    status: [otherKey],
    ssh: [debian, installer],
  });
  expect(result.reason).toBe(
    "Problem opening /dev/sda for reading! Error is 2.\nafterwards the machine runs nixos installer",
  );
});

test("kexec returns to the old system: that is the reason, and nothing is formatted", async () => {
  const { result, phases } = await run({ ...done, status: [otherKey], ssh: [debian] });
  expect(result).toMatchObject({
    outcome: "failed",
    phase: "kexec",
    reason: "the machine came back to the old system (debian)",
  });
  expect(phases).not.toContain("disko");
});

test("the reboot returns to the old system", async () => {
  const old = ok({ id: "debian", variant: "", bootId: "b9" });
  const { result } = await run({
    ...done,
    status: [otherKey],
    ssh: [debian, installer, installer, ok(), installer, ok(), old],
  });
  expect(result).toMatchObject({
    outcome: "failed",
    phase: "reboot",
    reason: expect.stringContaining("came back to the old system"),
  });
});

test("a machine that never reboots: the wait is bounded", async () => {
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

test("the installed machine runs a different system", async () => {
  const { result } = await run({
    ...done,
    ssh: [debian, installer],
    status: [otherKey, otherKey, otherKey, otherKey, ok(status({ system: oldSystem }))],
  });
  expect(result).toMatchObject({
    outcome: "failed",
    phase: "answer",
    reason: expect.stringContaining(newSystem),
  });
});

test("a created machine answers at port 22, the installed one at its own port", async () => {
  const gone = broken("ssh: connect to host 203.0.113.10 port 2222: Connection refused", 255);
  const { result, w } = await run(
    { ...done, status: [gone, gone, gone, gone, nixos], ssh: [debian, installer] },
    { port: 2222 },
  );
  expect(result).toMatchObject({ outcome: "installed" });
  const ports = w.commands.flatMap(({ argv }) => {
    const word = argv.find((each) => each.startsWith("Port="));
    const pinned = argv.find((each) => each.startsWith("UserKnownHostsFile="));
    return word === undefined ? [] : [`${word} ${pinned}`];
  });
  expect(new Set(ports)).toEqual(
    new Set(["Port=2222 UserKnownHostsFile=/tmp/k", "Port=22 UserKnownHostsFile=/tmp/b"]),
  );
  const phases = w.commands.filter(({ argv }) => argv[0] === "nixos-anywhere");
  for (const { argv } of phases) expect(argv[argv.indexOf("--ssh-port") + 1]).toBe("22");
});

describe("nixos-anywhere", () => {
  const files = {
    bootstrapHosts: "/tmp/b",
    hosts: "/tmp/h",
    identity: "/keys/deploy",
    extraFiles: "/tmp/x/root",
    programs: "/tmp/x/bin",
  };

  test("its command line has store paths, one phase and pins, and no secret", () => {
    const { argv, env } = phaseStep(installSpec.parse(input), files, "install");
    const options = [
      ...["HostKeyAlias=web", "UserKnownHostsFile=/tmp/b", "GlobalKnownHostsFile=/dev/null"],
      ...["StrictHostKeyChecking=yes", "UpdateHostKeys=no", "BatchMode=yes", "ConnectTimeout=10"],
      ...["ServerAliveInterval=5", "ControlMaster=no", "ControlPath=none"],
    ];
    expect(argv).toEqual([
      ...["nixos-anywhere", "--store-paths", script, newSystem],
      ...["--phases", "install", "--extra-files", "/tmp/x/root", "--ssh-port", "22", "-i", "/keys/deploy"],
      ...options.flatMap((option) => ["--ssh-option", option]),
      ...["--target-host", "root@203.0.113.10"],
    ]);
    expect(env?.["PATH"]).toMatch(/^\/tmp\/x\/bin:/);
  });

  test("its ssh is ours, which checks the bootstrap key before nixos-anywhere's own options", () => {
    const directory = mkdtempSync(join(tmpdir(), "pantheros-ssh-"));
    try {
      mkdirSync(join(directory, "real"));
      writeFileSync(join(directory, "real", "ssh"), '#!/bin/sh\nfor word; do echo "$word"; done\n', {
        mode: 0o755,
      });
      const path = `${join(directory, "real")}:/usr/bin:/bin`;
      writeFileSync(join(directory, "ssh"), sshScript(installSpec.parse(input), files, path), {
        mode: 0o755,
      });
      // As nixos-anywhere 1.13.0 calls it.
      const own = [
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "StrictHostKeyChecking=no",
        "root@h",
        "exit 0",
      ];
      const words = execFileSync(join(directory, "ssh"), own, { encoding: "utf8" }).trim().split("\n");
      expect(words.slice(-own.length)).toEqual(own);
      const first = (option: string) => words.find((word) => word.startsWith(`${option}=`));
      expect(first("StrictHostKeyChecking")).toBe("StrictHostKeyChecking=yes");
      expect(first("UserKnownHostsFile")).toBe("UserKnownHostsFile=/tmp/b");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
