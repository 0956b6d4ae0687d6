import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import {
  type ProbeArgs,
  probeArgv,
  probeHost,
  probe as probeInTurn,
  probeUntilReached,
  readProbe,
} from "../../../deployer/probe.ts";
import { Programs } from "../programs.ts";
import { shells } from "../supervisor/fake-host.ts";
import { newSystem, oldSystem, status } from "./fixtures.ts";

const args: ProbeArgs = {
  host: "web",
  address: "203.0.113.10",
  port: 22,
  user: "deploy",
  outPath: newSystem,
  hostKey: "ssh-ed25519 AAAA comment",
  identity: "/keys/my deploy",
  maybeUnmanaged: false,
};
const answer = JSON.stringify(status({ last: { outcome: "rolled-back", reason: 'a "b"\nc' } }));

describe("a host", () => {
  let own: Programs;
  let leave: () => void;
  beforeEach(() => {
    own = new Programs("probe");
    leave = own.enter();
  });
  afterEach(() => {
    leave();
    own.remove();
  });

  /** With an ssh that logs its words and answers by the user it is to be. */
  async function probe(answers: { deploy?: string; root?: string }, more: Partial<ProbeArgs> = {}) {
    own.program(
      "ssh",
      `case "$*" in
  *User=deploy*) ${answers.deploy ?? "echo 'Connection refused' >&2; exit 255"} ;;
  *User=root*) ${answers.root ?? "echo 'root: Connection refused' >&2; exit 255"} ;;
esac`,
    );
    fs.writeFileSync(`${own.directory}/answer`, `${answer}\n`);
    fs.rmSync(`${own.directory}/log`, { force: true });
    return { found: await probeHost({ ...args, ...more }), asked: own.logged() };
  }
  const answers = () => `echo noise; cat "${own.directory}/answer"`;

  test("one connection, the deploy user's, with the pins and the wanted system", async () => {
    const { found, asked } = await probe({ deploy: answers() });
    expect(found).toEqual({ reached: true, user: "deploy", status: JSON.parse(answer) });
    expect(asked).toEqual([expect.stringContaining(probeArgv(args, "deploy").slice(1).join(" "))]);
    expect(probeArgv(args, "deploy")).toEqual(
      expect.arrayContaining([
        "IdentityFile=/keys/my deploy",
        "KnownHostsCommand=/usr/bin/env echo web ssh-ed25519 AAAA",
        "StrictHostKeyChecking=yes",
        "User=deploy",
        `sudo -n /run/current-system/sw/bin/pantheros-supervisor status ${newSystem}`,
      ]),
    );
    expect(probeArgv(args, "deploy").slice(0, 3)).toEqual(["ssh", "-F", "/dev/null"]);
  });

  test("one that does not answer is a finding, with what ssh said", async () => {
    const { found, asked } = await probe({});
    expect(found).toEqual({
      reached: false,
      reason: "Connection refused",
      hint: expect.stringContaining("does not answer"),
    });
    expect(asked).toHaveLength(1);
  });

  test("root is tried only where the machine may be unmanaged, and second", async () => {
    const { found, asked } = await probe({ root: answers() }, { maybeUnmanaged: true });
    expect(found).toMatchObject({ reached: true, user: "root" });
    expect(asked).toHaveLength(2);
    const both = await probe({}, { maybeUnmanaged: true });
    expect(both.found).toMatchObject({ reached: false, reason: "Connection refused" });
    const silent = await probe({ deploy: "exit 255" }, { maybeUnmanaged: true });
    expect(silent.found).toMatchObject({ reached: false, reason: "root: Connection refused" });
  });

  test("one that hangs is given up", async () => {
    const { found } = await probe({ deploy: "exec sleep 300" }, { timeoutSeconds: 1 });
    expect(found).toEqual({ reached: false, reason: "no answer in time" });
  });

  test("another host key is told as that", async () => {
    const { found } = await probe({ deploy: "echo 'Host key verification failed.' >&2; exit 255" });
    expect(found).toMatchObject({ reached: false, hint: expect.stringContaining("another host key") });
  });

  test("a runner without ssh says so", async () => {
    process.env["PATH"] = own.directory;
    expect(await probeHost(args)).toMatchObject({ reached: false, reason: "spawn ssh ENOENT" });
  });

  test("a machine that boots is asked until it answers, and one that shows another key is not", async () => {
    fs.writeFileSync(`${own.directory}/answer`, answer);
    const count = `echo x >>"${own.directory}/asked"`;
    const booted = `[ "$(wc -l <"${own.directory}/asked")" -lt 2 ]`;
    const boots = `if ${booted}; then echo Connection refused >&2; exit 255; fi; cat "${own.directory}/answer"`;
    own.program("ssh", `${count}; ${boots}`);
    expect(await probeUntilReached(args, 60)).toMatchObject({ reached: true });
    expect(own.read("asked").trim().split("\n")).toHaveLength(2);

    own.program("ssh", `${count}; echo 'Host key verification failed.' >&2; exit 255`);
    expect(await probeUntilReached(args, 60)).toMatchObject({ reached: false });
    expect(own.read("asked").trim().split("\n")).toHaveLength(3);

    own.program("ssh", `${count}; echo Connection refused >&2; exit 255`);
    expect(await probeUntilReached(args, 0)).toMatchObject({
      reached: false,
      reason: "Connection refused",
    });
    expect(own.read("asked").trim().split("\n")).toHaveLength(4);
  });

  test("no more than sixteen are asked at once", async () => {
    fs.writeFileSync(`${own.directory}/answer`, answer);
    own.program(
      "ssh",
      `mkdir "${own.directory}/tmp/$$"; ls "${own.directory}/tmp" | wc -l >>"${own.directory}/beside"; sleep 0.1; rmdir "${own.directory}/tmp/$$"; cat "${own.directory}/answer"`,
    );
    const all = Array.from({ length: 40 }, () => probeInTurn(args));
    expect((await Promise.all(all)).filter(({ reached }) => reached)).toHaveLength(40);
    const beside = own.read("beside").trim().split("\n").map(Number);
    expect(beside).toHaveLength(40);
    expect(Math.max(...beside)).toBeLessThanOrEqual(16);
  });
});

test.each(shells)(
  "what root reads on a machine without a supervisor is a status of version 0, under $name",
  ({ shebang }) => {
    const [shell = "", ...rest] = shebang.split(" ");
    const script = probeArgv({ ...args, maybeUnmanaged: true }, "root").at(-1) ?? "";
    const ran = spawnSync(shell, [...rest, "-c", script], { encoding: "utf8" });
    const machineId = fs.existsSync("/etc/machine-id")
      ? fs.readFileSync("/etc/machine-id", "utf8").trim() || null
      : null;
    expect(readProbe("root", ran.stdout)).toMatchObject({
      reached: true,
      status: { version: 0, confirmed: false, phase: "idle", machineId },
    });
  },
);

test("what is not a status is not reached", () => {
  const strange = (what: string) => ({
    reached: false,
    garbled: true,
    reason: `the host's answer is not a status: ${what}`,
  });
  expect(readProbe("deploy", "{not json")).toEqual(strange("not JSON"));
  expect(readProbe("deploy", JSON.stringify({ system: oldSystem }))).toEqual(
    strange("version: Invalid input: expected number, received undefined"),
  );
  // It would have root's shell reach the machine, without a supervisor's checks.
  const unmanaged = JSON.stringify(status({ version: 0 }));
  expect(readProbe("deploy", unmanaged)).toEqual(strange("version: 0 from a supervisor"));
  expect(readProbe("root", unmanaged)).toMatchObject({ reached: true, user: "root" });
  expect(readProbe("deploy", "noise\n")).toBeUndefined();
});
