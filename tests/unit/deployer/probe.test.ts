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

  /** Probes with an ssh that logs its arguments and answers by the user of the login. */
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
    return { found: await probeHost({ ...args, ...more }), logged: own.logged() };
  }
  const answers = () => `echo noise; cat "${own.directory}/answer"`;

  test("one connection as the deploy user, with the pinned key and the wanted system", async () => {
    const { found, logged } = await probe({ deploy: answers() });
    expect(found).toEqual({ reached: true, user: "deploy", status: JSON.parse(answer) });
    expect(logged).toEqual([expect.stringContaining(probeArgv(args, "deploy").slice(1).join(" "))]);
    expect(probeArgv(args, "deploy")).toEqual(
      expect.arrayContaining([
        'IdentityFile="/keys/my deploy"',
        "KnownHostsCommand=/usr/bin/env echo web ssh-ed25519 AAAA",
        "StrictHostKeyChecking=yes",
        "User=deploy",
        "KexAlgorithms=-sntrup761*",
        `sudo -n /run/current-system/sw/bin/pantheros-supervisor status ${newSystem}`,
      ]),
    );
    expect(probeArgv(args, "deploy").slice(0, 3)).toEqual(["ssh", "-F", "/dev/null"]);
  });

  test("that does not answer is a result, with ssh's message", async () => {
    const { found, logged } = await probe({});
    expect(found).toEqual({
      reached: false,
      reason: "Connection refused",
      hint: expect.stringContaining("does not answer"),
    });
    expect(logged).toHaveLength(1);
  });

  test("root is tried second, and only if the machine may be unmanaged", async () => {
    const { found, logged } = await probe({ root: answers() }, { maybeUnmanaged: true });
    expect(found).toMatchObject({ reached: true, user: "root" });
    expect(logged).toHaveLength(2);
    const both = await probe({}, { maybeUnmanaged: true });
    expect(both.found).toMatchObject({ reached: false, reason: "Connection refused" });
    const silent = await probe({ deploy: "exit 255" }, { maybeUnmanaged: true });
    expect(silent.found).toMatchObject({ reached: false, reason: "root: Connection refused" });
  });

  test("whose port changes is asked at the former one when nothing answers at the new one", async () => {
    fs.writeFileSync(`${own.directory}/answer`, answer);
    const at = (port: number) =>
      own.program(
        "ssh",
        `case "$*" in *"Port=${port} "*) cat "${own.directory}/answer" ;; *) echo 'Connection refused' >&2; exit 255 ;; esac`,
      );
    const moving: ProbeArgs = { ...args, port: 2222, formerPort: 22 };
    at(22);
    expect(await probeHost(moving)).toMatchObject({ reached: true, port: 22 });
    expect(await probeHost({ ...args, port: 2222 })).toMatchObject({ reached: false });
    at(2222);
    expect(await probeHost(moving)).not.toHaveProperty("port");
    at(1);
    expect(await probeHost(moving)).toMatchObject({ reached: false, reason: "Connection refused" });
    own.program("ssh", 'echo \'Host key verification failed.\' >&2; echo "$*" >>"$0.log"; exit 255');
    expect(await probeHost(moving)).toMatchObject({
      reached: false,
      hint: expect.stringContaining("another host key"),
    });
  });

  test.each([
    [
      "a message in .bashrc",
      "echo Welcome to web",
      /printed "Welcome to web" instead of a status$/,
      /~\/\.bashrc/,
    ],
    ["a forced command", "echo menu: 1 2 3; exit 1", /printed "menu: 1 2 3"/, /ForceCommand/],
    [
      "another shell that waits",
      "echo Welcome to fish; exec sleep 300",
      /printed "Welcome to fish"/,
      /starts another program/,
    ],
    [
      "an expired password",
      "echo 'WARNING: Your password has expired.' >&2; echo 'Password change required but no TTY available.' >&2; exit 1",
      /Password change required/,
      /chage -M -1/,
    ],
    [
      "nologin",
      "echo 'This account is currently not available.'; exit 1",
      /not available/,
      /login shell is nologin/,
    ],
  ])("whose login runs something else has the text and the remedy: %s", async (_, root, reason, hint) => {
    const deploy = "echo 'deploy@web: Permission denied (publickey).' >&2; exit 255";
    for (const answers of [{ deploy, root }, { deploy: root }]) {
      const { found } = await probe(answers, { maybeUnmanaged: "root" in answers, timeoutSeconds: 1 });
      expect(found).toMatchObject({
        reached: false,
        reason: expect.stringMatching(reason),
        hint: expect.stringMatching(hint),
      });
    }
  });

  test("that hangs is given up at the time limit", async () => {
    const { found } = await probe({ deploy: "exec sleep 300" }, { timeoutSeconds: 1 });
    expect(found).toEqual({ reached: false, reason: "no answer in time" });
  });

  test("a different host key has its own hint", async () => {
    const { found } = await probe({ deploy: "echo 'Host key verification failed.' >&2; exit 255" });
    expect(found).toMatchObject({ reached: false, hint: expect.stringContaining("another host key") });
  });

  test("without ssh on the runner, the reason names it", async () => {
    process.env["PATH"] = own.directory;
    expect(await probeHost(args)).toMatchObject({ reached: false, reason: "spawn ssh ENOENT" });
  });

  test("that boots is polled until it answers; one that shows a different key is not polled again", async () => {
    fs.writeFileSync(`${own.directory}/answer`, answer);
    const count = `echo x >>"${own.directory}/attempts"`;
    const booted = `[ "$(wc -l <"${own.directory}/attempts")" -lt 2 ]`;
    const boots = `if ${booted}; then echo Connection refused >&2; exit 255; fi; cat "${own.directory}/answer"`;
    own.program("ssh", `${count}; ${boots}`);
    expect(await probeUntilReached(args, 60)).toMatchObject({ reached: true });
    expect(own.read("attempts").trim().split("\n")).toHaveLength(2);

    own.program("ssh", `${count}; echo 'Host key verification failed.' >&2; exit 255`);
    expect(await probeUntilReached(args, 60)).toMatchObject({ reached: false });
    expect(own.read("attempts").trim().split("\n")).toHaveLength(3);

    own.program("ssh", `${count}; echo Connection refused >&2; exit 255`);
    expect(await probeUntilReached(args, 0)).toMatchObject({
      reached: false,
      reason: "Connection refused",
    });
    expect(own.read("attempts").trim().split("\n")).toHaveLength(4);
  });

  test("at most sixteen probes run at once", async () => {
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
  "root's script on a machine without a supervisor prints a status of version 0, under $name",
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

test("an answer that is not a status counts as not reached", () => {
  const strange = (what: string) => ({
    reached: false,
    garbled: true,
    reason: `the host's answer is not a status: ${what}`,
  });
  expect(readProbe("deploy", "{not json")).toEqual(strange("not JSON"));
  expect(readProbe("deploy", JSON.stringify({ system: oldSystem }))).toEqual(
    strange("version: Invalid input: expected number, received undefined"),
  );
  // Version 0 would make root deploy to the machine, without a supervisor's checks.
  const unmanaged = JSON.stringify(status({ version: 0 }));
  expect(readProbe("deploy", unmanaged)).toEqual(strange("version: 0 from a supervisor"));
  expect(readProbe("root", unmanaged)).toMatchObject({ reached: true, user: "root" });
  expect(readProbe("deploy", "noise\n")).toBeUndefined();
});
