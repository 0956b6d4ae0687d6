import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { type ProbeArgs, probeEnvironment, readProbe } from "../../../components/nixos-host/probe.ts";
import { shells } from "../supervisor/fake-host.ts";
import { newSystem, oldSystem, status } from "./fixtures.ts";

const args: ProbeArgs = {
  ...{ host: "web", address: "203.0.113.10", port: 22, user: "deploy", outPath: newSystem },
  ...{ hostKey: "ssh-ed25519 AAAA comment", identity: "/keys/my deploy", maybeUnmanaged: false },
};
const answer = JSON.stringify(status({ last: { outcome: "rolled-back", reason: 'a "b"\nc' } }));

describe.each(shells)("probe.sh under $name", ({ shebang }) => {
  let directory: string;
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), "pantheros-probe-"));
  });
  afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

  /** Runs the real script with an ssh that logs its words and answers by the user it is to be. */
  function probe(answers: { deploy?: string; root?: string }, more: Partial<ProbeArgs> = {}) {
    const ssh = `#!/bin/sh
for word; do printf '%s\\n' "$word" >>"${directory}/words"; done; echo == >>"${directory}/words"
case "$*" in
  *User=deploy*) ${answers.deploy ?? "echo 'Connection refused' >&2; exit 255"} ;;
  *User=root*) ${answers.root ?? "echo 'root: Connection refused' >&2; exit 255"} ;;
esac\n`;
    fs.writeFileSync(path.join(directory, "ssh"), ssh, { mode: 0o755 });
    fs.writeFileSync(path.join(directory, "answer"), `${answer}\n`);
    const [shell = "", ...rest] = shebang.split(" ");
    const ran = spawnSync(shell, [...rest, "components/nixos-host/probe.sh"], {
      env: { PATH: `${directory}:${process.env["PATH"]}`, ...probeEnvironment({ ...args, ...more }) },
      encoding: "utf8",
      timeout: 60_000,
    });
    const log = path.join(directory, "words");
    const asked = fs.existsSync(log) ? fs.readFileSync(log, "utf8").split("==\n").slice(0, -1) : [];
    return {
      exit: ran.status,
      probe: readProbe(ran.stdout),
      asked: asked.map((words) => words.trim().split("\n")),
    };
  }
  const answers = () => `echo noise; cat "${directory}/answer"`;

  test("one connection, the deploy user's, with the pins and the wanted system", () => {
    const { exit, probe: found, asked } = probe({ deploy: answers() });
    expect(exit).toBe(0);
    expect(found).toEqual({ reached: true, user: "deploy", status: JSON.parse(answer) });
    expect(asked).toHaveLength(1);
    expect(asked[0]).toEqual(
      expect.arrayContaining([
        "IdentityFile=/keys/my deploy",
        "KnownHostsCommand=/usr/bin/env echo web ssh-ed25519 AAAA",
        "StrictHostKeyChecking=yes",
        "User=deploy",
        `sudo -n /run/current-system/sw/bin/pantheros-supervisor status ${newSystem}`,
      ]),
    );
    expect(asked[0]?.slice(0, 2)).toEqual(["-F", "/dev/null"]);
  });

  test("a host that does not answer is a finding, with what ssh said, and exit 0", () => {
    const { exit, probe: found, asked } = probe({});
    expect(exit).toBe(0);
    expect(found).toEqual({
      reached: false,
      reason: "Connection refused",
      hint: expect.stringContaining("does not answer"),
    });
    expect(asked).toHaveLength(1);
  });

  test("root is tried only where the machine may be unmanaged, and second", () => {
    const { probe: found, asked } = probe({ root: answers() }, { maybeUnmanaged: true });
    expect(found).toMatchObject({ reached: true, user: "root" });
    expect(asked).toHaveLength(2);
    const both = probe({}, { maybeUnmanaged: true });
    expect(both.probe).toMatchObject({ reached: false, reason: "Connection refused" });
  });

  test("a host that hangs is given up", () => {
    const { exit, probe: found } = probe({ deploy: "exec sleep 300" }, { timeoutSeconds: 1 });
    expect(exit).toBe(0);
    expect(found).toEqual({ reached: false, reason: "no answer in time" });
  });

  test("another host key is told as that", () => {
    const { probe: found } = probe({ deploy: "echo 'Host key verification failed.' >&2; exit 255" });
    expect(found).toMatchObject({ reached: false, hint: expect.stringContaining("another host key") });
  });

  test("what root reads on a machine without a supervisor is a status of version 0", () => {
    const [shell = "", ...rest] = shebang.split(" ");
    const script = probeEnvironment({ ...args, maybeUnmanaged: true })["PROBE_ROOT"] ?? "";
    const ran = spawnSync(shell, [...rest, "-c", script], { encoding: "utf8" });
    expect(readProbe(`root ${ran.stdout}`)).toMatchObject({
      reached: true,
      status: { version: 0, confirmed: false, phase: "idle" },
    });
  });
});

test("what is not a status is not reached", () => {
  expect(readProbe("deploy {not json")).toEqual({
    reached: false,
    reason: "the host's answer is not a status",
  });
  expect(readProbe("")).toEqual({ reached: false, reason: "no answer in time" });
  expect(readProbe(`deploy ${JSON.stringify({ system: oldSystem })}`)).toMatchObject({ reached: false });
});
