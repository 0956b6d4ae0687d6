import { execFileSync } from "node:child_process";
import * as fc from "fast-check";
import {
  closeConnectionArgv,
  commandText,
  forwardingRefused,
  knownHostsLines,
  openConnectionArgv,
  sharedFiles,
  shellWord,
  sshArgv,
  sshTrouble,
} from "../../../deployer/ssh.ts";

const peer = {
  host: "web",
  address: "2001:db8::10",
  user: "deploy",
  pinned: { file: "/tmp/known_hosts" },
  identity: "/keys/deploy",
};

test("the whole argument vector", () => {
  expect(sshArgv(peer, ["sudo", "-n", "/sw/bin/x", "activate", "a b"])).toEqual([
    ...["ssh", "-F", "/dev/null"],
    ...["-o", "HostName=2001:db8::10", "-o", "Port=22", "-o", "User=deploy", "-o", "HostKeyAlias=web"],
    ...["-o", "UserKnownHostsFile=/tmp/known_hosts", "-o", "GlobalKnownHostsFile=/dev/null"],
    ...["-o", "StrictHostKeyChecking=yes", "-o", "UpdateHostKeys=no", "-o", "BatchMode=yes"],
    ...["-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"],
    ...["-o", "ControlMaster=no", "-o", "ControlPath=none"],
    ...["-o", "Ciphers=^aes256-gcm@openssh.com,aes128-gcm@openssh.com", "-o", "ForwardAgent=no"],
    ...["-o", "LogLevel=ERROR"],
    ...["-o", "IdentityFile=/keys/deploy", "-o", "IdentitiesOnly=yes"],
    ...["-T", "web", "--", "sudo -n /sw/bin/x activate 'a b'"],
  ]);
});

test("an identity with a blank, and an address with a zone, are what ssh reads", () => {
  const argv = sshArgv({ ...peer, identity: "/keys/my key", address: "fe80::1%eth0" }, []);
  const options = argv.slice(1, argv.indexOf("-T"));
  const settings = execFileSync("ssh", ["-G", ...options, "web"], { encoding: "utf8" });
  expect(settings).toMatch(/^identityfile \/keys\/my key$/m);
  expect(settings).toMatch(/^hostname fe80::1%eth0$/m);
});

describe("a shared connection", () => {
  const shared = { control: "/tmp/100%/web.ssh", daemon: "/tmp/100%/web.nix", log: "/tmp/100%/web.log" };

  test("open: with the pinned key and a forwarded daemon socket; ssh ends it when it is unused", () => {
    const argv = openConnectionArgv(peer, shared);
    expect(argv.slice(0, 15)).toEqual([
      ...["ssh", "-F", "/dev/null", "-o", "ControlMaster=auto", "-o", "ControlPath=/tmp/100%%/web.ssh"],
      ...["-o", "ControlPersist=60", "-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindUnlink=yes"],
      ...["-o", "LogLevel=INFO"],
    ]);
    expect(argv).toEqual(expect.arrayContaining(["HostKeyAlias=web", "StrictHostKeyChecking=yes"]));
    expect(argv.slice(-6)).toEqual([
      ...["-E", "/tmp/100%/web.log"],
      ...["-L", "/tmp/100%%/web.nix:/nix/var/nix/daemon-socket/socket", "-N", "web"],
    ]);
  });

  test("use: never opens the connection; the key exchange is safe for secrets", () => {
    const argv = sshArgv({ ...peer, shared: shared.control, carriesNoSecret: true }, ["true"]);
    expect(argv).toEqual(expect.arrayContaining(["ControlMaster=no", "ControlPath=/tmp/100%%/web.ssh"]));
    expect(argv.join(" ")).not.toContain("KexAlgorithms");
  });

  test("close", () => {
    expect(closeConnectionArgv("web", shared)).toEqual([
      ...["ssh", "-F", "/dev/null", "-o", "ControlPath=/tmp/100%%/web.ssh", "-O", "stop", "web"],
    ]);
  });

  test("an sshd that does not forward the daemon's socket is not a lost connection", () => {
    expect(forwardingRefused("channel 2: open failed: connect failed: open failed\n")).toBe(true);
    expect(
      forwardingRefused("error: x\nchannel 2: open failed: administratively prohibited: open failed"),
    ).toBe(true);
    expect(forwardingRefused("Timeout, server web not responding.")).toBe(false);
  });

  test("is not used if its socket's path would be too long for ssh", () => {
    expect(sharedFiles("/tmp/d", "web")?.control).toBe("/tmp/d/web.ssh");
    expect(sharedFiles("/tmp/d", "w".repeat(75))?.control).toHaveLength(86);
    // A longer name is cut.
    expect(sharedFiles("/tmp/d", "w".repeat(76))?.control).toMatch(/^\/tmp\/d\/w+-[0-9a-f]{8}\.ssh$/);
    expect(sharedFiles("/tmp/d", "w".repeat(76))?.control).toHaveLength(86);
    expect(sharedFiles(`/tmp/${"d".repeat(70)}`, "w".repeat(20))).toBeUndefined();
  });
});

test("a pinned key without a file", () => {
  const argv = sshArgv({ ...peer, pinned: { key: "ssh-ed25519 AAAA someone@somewhere" } }, ["true"]);
  expect(argv).toContain("UserKnownHostsFile=none");
  expect(argv).toContain("KnownHostsCommand=/usr/bin/env echo web ssh-ed25519 AAAA");
});

test.each([
  ["ecdsa-sha2-nistp256", "HostKeyAlgorithms=^ecdsa-sha2-nistp256"],
  ["ssh-rsa", "HostKeyAlgorithms=^rsa-sha2-512,rsa-sha2-256"],
  ["ssh-ed25519", undefined],
])("a machine with several keys has to show the pinned one: %s", (type, expected) => {
  const argv = sshArgv({ ...peer, pinned: { key: `${type} AAAA` } }, ["true"]);
  expect(argv.find((word) => word.startsWith("HostKeyAlgorithms="))).toBe(expected);
});

test("only a connection that carries no secret leaves out the slow key exchange", () => {
  expect(sshArgv({ ...peer, carriesNoSecret: true }, ["true"])).toContain("KexAlgorithms=-sntrup761*");
  expect(sshArgv(peer, ["true"]).join(" ")).not.toContain("KexAlgorithms");
});

test("without an identity the agent's keys are tried", () => {
  const argv = sshArgv({ ...peer, identity: undefined }, ["true"]);
  expect(argv.filter((word) => word.startsWith("Identit"))).toEqual([]);
});

test("known_hosts lines have the host's name and no comments", () => {
  expect(knownHostsLines("web", ["ssh-ed25519 AAAA me@x\n", "ssh-rsa BBBB"])).toBe(
    "web ssh-ed25519 AAAA\nweb ssh-rsa BBBB\n",
  );
});

test("a shell reads every quoted word unchanged", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ unit: "binary-ascii" }).map((word) => word.replaceAll("\0", "")),
        { minLength: 1 },
      ),
      (words) => {
        const script = `for word in ${words.map(shellWord).join(" ")}; do printf '%s\\0' "$word"; done`;
        expect(
          execFileSync("/bin/sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1),
        ).toEqual(words);
      },
    ),
    { numRuns: 50 },
  );
});

test("messages leave out ssh's options", () => {
  expect(commandText(sshArgv(peer, ["sudo", "-n", "x", "confirm", "t1"]))).toBe(
    "ssh web -- sudo -n x confirm t1",
  );
  expect(commandText(["nix", "eval", "a b"])).toBe("nix eval 'a b'");
});

test.each([
  ["Host key verification failed.", "identity"],
  ["@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @", "identity"],
  ["No ED25519 host key is known for web and you have requested strict checking.", "identity"],
  ["deploy@203.0.113.10: Permission denied (publickey).", "login"],
  ["ssh: connect to host 203.0.113.10 port 22: Connection refused", "transport"],
  ["ssh: connect to host 203.0.113.10 port 22: No route to host", "transport"],
  ["Connection timed out during banner exchange", "transport"],
  ["error: failed to start SSH connection to 'web'", "transport"],
  ["Timeout, server web not responding.", "transport"],
  ["error: cannot add path because it lacks a signature by a trusted key", undefined],
])("%s is %s", (stderr, trouble) => {
  expect(sshTrouble(stderr)).toBe(trouble);
});

test("a wrong host key is never a lost connection, which would be tried again", () => {
  expect(sshTrouble("Host key verification failed.\nerror: failed to start SSH connection to 'web'")).toBe(
    "identity",
  );
});
