import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nixPeers } from "../../../deployer/deploy/closure.ts";
import { deploySpec } from "../../../deployer/deploy/spec.ts";
import { connectStep } from "../../../deployer/deploy/steps.ts";
import { installSpec } from "../../../deployer/install/spec.ts";
import { sshScript } from "../../../deployer/install/steps.ts";
import { PROGRAMS } from "../../../deployer/programs.ts";
import {
  failedJump,
  identityReason,
  type SshPeer,
  sshArgv,
  sshConfig,
  sshHint,
  sshTrouble,
} from "../../../deployer/ssh.ts";
import { ED25519, ED25519_OTHER, RSA } from "../ssh-keys.ts";
import { shells } from "../supervisor/fake-host.ts";
import { files, spec } from "./fixtures.ts";

const bastion = { host: "bastion", address: "203.0.113.5", port: 2222, user: "deploy", hostKey: ED25519 };
const edge = { host: "edge", address: "2001:db8::7", port: 22, user: "hop", hostKey: RSA };
const peer: SshPeer = {
  host: "inner",
  address: "10.0.0.5",
  port: 2200,
  user: "deploy",
  pinned: { key: ED25519_OTHER },
  identity: "/keys/my 100% key",
  jumps: [bastion],
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pantheros-jump-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const option = (argv: readonly string[], name: string) =>
  argv.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);

/** The words of the ssh that ssh would run as its ProxyCommand: it replaces `%%`, and a shell reads the rest. */
function proxied(argv: readonly string[]): string[] {
  const command = (option(argv, "ProxyCommand") ?? "").replaceAll("%%", "%");
  writeFileSync(join(directory, "ssh"), '#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done\n', {
    mode: 0o755,
  });
  const env = { ...process.env, PATH: `${directory}:${process.env["PATH"]}` };
  return execFileSync("/bin/sh", ["-c", `exec ${command}`], { env, encoding: "utf8" })
    .trim()
    .split("\n");
}

test("the jump host is connected to with its own pinned key, the same identity and nothing of the runner's", () => {
  const words = proxied(sshArgv(peer, ["true"]));
  expect(words.slice(0, 2)).toEqual(["-F", "/dev/null"]);
  expect(words.slice(-3)).toEqual(["-W", "10.0.0.5:2200", "bastion"]);
  expect(words).toEqual(
    expect.arrayContaining([
      ...["HostName=203.0.113.5", "Port=2222", "User=deploy", "HostKeyAlias=bastion"],
      ...["UserKnownHostsFile=none", `KnownHostsCommand=/usr/bin/env echo bastion ${ED25519}`],
      ...["GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=yes", "BatchMode=yes", "ControlPath=none"],
      ...['IdentityFile="/keys/my 100%% key"', "IdentitiesOnly=yes", "ForwardAgent=no", "ConnectTimeout=10"],
    ]),
  );
  // The host's own connection waits for both.
  expect(option(sshArgv(peer, []), "ConnectTimeout")).toBe("20");
});

test("several jump hosts are reached one through the other", () => {
  const outer = proxied(sshArgv({ ...peer, address: "fe80::5%eth1", jumps: [edge, bastion] }, ["true"]));
  expect(outer.slice(-3)).toEqual(["-W", "[fe80::5%eth1]:2200", "bastion"]);
  const inner = proxied(outer);
  expect(inner.slice(-3)).toEqual(["-W", "203.0.113.5:2222", "edge"]);
  expect(inner).toEqual(
    expect.arrayContaining([
      ...["HostName=2001:db8::7", "User=hop", `KnownHostsCommand=/usr/bin/env echo edge ${RSA}`],
      'IdentityFile="/keys/my 100%% key"',
    ]),
  );
  expect(option(inner, "ProxyCommand")).toBeUndefined();
});

test("ssh reads the options and the configuration for Nix alike", () => {
  const settings = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync("ssh", ["-G", ...words, "inner"], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
    return stdout
      .split("\n")
      .filter((line) => /^(proxycommand|identityfile|hostname|port|user|knownhostscommand) /.test(line));
  };
  const zoned = { ...peer, address: "fe80::5%eth1" };
  const options = sshArgv(zoned, [])
    .slice(1)
    .filter((_, at, all) => at < all.indexOf("-T"));
  const file = join(directory, "config");
  writeFileSync(file, sshConfig([zoned]));
  expect(settings("-F", file)).toEqual(settings(...options));
  expect(settings("-F", file)).toEqual(
    expect.arrayContaining([
      "hostname fe80::5%eth1",
      "identityfile /keys/my 100%% key",
      expect.stringMatching(
        /^proxycommand sh \/\S*jump\.sh bastion - ssh -F \/dev\/null .* -W '?\[fe80::5%%eth1\]:2200'? bastion$/,
      ),
    ]),
  );
});

describe("every connection of a deploy goes through the jump host", () => {
  const jumped = spec({
    jumps: [bastion],
    build: { host: "builder", address: "10.0.0.9", hostKey: RSA, jumps: [bastion] },
    signer: "fleet",
  });

  test("the shared one logs the jump host's messages, because ssh closes the other's standard error", () => {
    const step = connectStep(jumped, files);
    expect(option(step?.argv ?? [], "ProxyCommand")).toMatch(
      /^sh \/\S+\/jump\.sh bastion \/tmp\/d\/web\.log ssh /,
    );
    expect(step?.timeoutSeconds).toBe(20 + 2 * 10);
  });

  test("Nix's to host and builder", () => {
    const sections = sshConfig(nixPeers(jumped, files)).split("\n\n");
    expect(sections).toHaveLength(2);
    for (const section of sections)
      expect(section).toMatch(/^ {2}ProxyCommand sh \S+jump\.sh bastion - ssh /m);
  });

  test("nixos-anywhere's, with the throw-away key for the host and the jump host's own", () => {
    const install = installSpec.parse({
      ...{ schemaVersion: 1, host: "inner", address: "10.0.0.5", user: "deploy", jumps: [bastion] },
      ...{ hostKey: ED25519, bootstrapKey: RSA, drvPath: jumped.drvPath, outPath: jumped.outPath },
    });
    const programs = {
      ...files,
      bootstrapHosts: "/tmp/b",
      hosts: "/tmp/h",
      extraFiles: "/x",
      programs: "/p",
    };
    const script = sshScript(install, programs, "/usr/bin:/bin");
    expect(script).toContain("UserKnownHostsFile=/tmp/b");
    expect(script).toMatch(/ProxyCommand=sh \S+jump\.sh bastion - ssh .*-W 10\.0\.0\.5:22 bastion/);
  });

  test("the spec of a deploy carries it", () => {
    expect(deploySpec.parse(JSON.parse(JSON.stringify(jumped))).jumps).toEqual([bastion]);
  });
});

describe.each(shells)("jump.sh under $name", ({ shebang }) => {
  const [shell = "", ...rest] = shebang.split(" ");
  const run = (log: string, ...command: string[]) =>
    spawnSync(shell, [...rest, PROGRAMS.jump, "bastion", log, ...command], {
      input: "to the host\0\n",
      encoding: "utf8",
    });

  test("passes the connection unchanged and prefixes messages, the last without a line end too", () => {
    const ran = run("-", "sh", "-c", "cat; echo one >&2; printf 'two \\\\t' >&2; exit 3");
    expect(ran.stdout).toBe("to the host\0\n");
    expect(ran.stderr).toBe("jump bastion: one\njump bastion: two \\t\n");
  });

  test("writes the messages into a log instead", () => {
    const log = join(directory, "log");
    expect(run(log, "sh", "-c", "echo one >&2").stderr).toBe("");
    run(log, "sh", "-c", "echo two >&2");
    expect(readFileSync(log, "utf8")).toBe("jump bastion: one\njump bastion: two\n");
    expect(existsSync(log)).toBe(true);
  });
});

test.each([
  [
    "jump bastion: ssh: connect to host 203.0.113.5 port 22: Connection refused",
    "transport",
    "bastion",
    /^the jump host bastion does not answer/,
  ],
  [
    "jump bastion: No ED25519 host key is known for bastion and you have requested strict checking.\njump bastion: Host key verification failed.",
    "identity",
    "bastion",
    /^the jump host bastion shows another host key/,
  ],
  [
    "jump bastion: deploy@203.0.113.5: Permission denied (publickey).",
    "login",
    "bastion",
    /^the jump host bastion does not accept this key/,
  ],
  [
    "jump bastion: channel 0: open failed: administratively prohibited: open failed\njump bastion: stdio forwarding failed",
    "forwarding",
    "bastion",
    /^sshd of the jump host bastion does not forward .*PermitOpen/,
  ],
  [
    "jump bastion: channel 0: open failed: connect failed: No route to host\njump bastion: stdio forwarding failed",
    "transport",
    "bastion",
    /^the jump host bastion does not reach the host: .*`ssh\.sources`/,
  ],
  [
    "jump bastion: jump edge: ssh: connect to host x port 22: Connection timed out\njump bastion: Connection closed by UNKNOWN port 65535",
    "transport",
    "edge",
    /^the jump host edge does not answer/,
  ],
  [
    "jump bastion: Welcome to the bastion\ndeploy@10.0.0.5: Permission denied (publickey).",
    "login",
    undefined,
    /^the host does not accept this key/,
  ],
  [
    "jump bastion: Welcome to the bastion\nHost key verification failed.",
    "identity",
    undefined,
    /^the machine at this address shows another host key/,
  ],
] as const)("the hop that failed is named: %j", (message, trouble, jump, hint) => {
  // ssh ends its messages with a carriage return too.
  const closed = `${message.replaceAll("\n", "\r\n")}\r\nkex_exchange_identification: Connection closed by remote host`;
  expect(sshTrouble(closed)).toBe(trouble);
  expect(failedJump(closed)).toBe(jump);
  expect(sshHint(closed)).toMatch(hint);
});

test("the reason of a wrong host key names the jump host that shows it", () => {
  expect(identityReason("jump bastion: SHA256:abc\njump bastion: Host key verification failed.")).toBe(
    "jump bastion: host key verification failed: the machine shows SHA256:abc",
  );
});
