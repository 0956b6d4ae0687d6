import { execFileSync } from "node:child_process";
import * as fc from "fast-check";
import {
  commandText,
  knownHostsLines,
  shellWord,
  socketIn,
  sshArgv,
  sshTrouble,
} from "../../../components/nixos-host/ssh.ts";

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
    ...["-o", "ClearAllForwardings=yes", "-o", "LogLevel=ERROR"],
    ...["-o", "IdentityFile=/keys/deploy", "-o", "IdentitiesOnly=yes"],
    ...["-T", "web", "--", "sudo -n /sw/bin/x activate 'a b'"],
  ]);
});

test("a shared connection: ssh ends it, and what passes may be a secret", () => {
  const argv = sshArgv({ ...peer, shared: "/tmp/100%/deploy@web", nothingSecret: true }, ["true"]);
  const at = argv.indexOf("ControlMaster=auto");
  expect(argv.slice(at - 1, at + 5)).toEqual([
    ...["-o", "ControlMaster=auto", "-o", "ControlPath=/tmp/100%%/deploy@web", "-o", "ControlPersist=5"],
  ]);
  expect(argv.join(" ")).not.toContain("KexAlgorithms");
});

test("where a socket's path would be too long for ssh, nothing is shared", () => {
  expect(socketIn("/tmp/d", "deploy", "web")).toBe("/tmp/d/deploy@web");
  expect(socketIn("/tmp/d", "deploy", "w".repeat(72))).toHaveLength(86);
  expect(socketIn("/tmp/d", "deploy", "w".repeat(73))).toBeUndefined();
});

test("a pinned key without a file", () => {
  const argv = sshArgv({ ...peer, pinned: { key: "ssh-ed25519 AAAA someone@somewhere" } }, ["true"]);
  expect(argv).toContain("UserKnownHostsFile=none");
  expect(argv).toContain("KnownHostsCommand=/usr/bin/env echo web ssh-ed25519 AAAA");
});

test("where nothing secret passes, the slow key exchange is left out, and only there", () => {
  expect(sshArgv({ ...peer, nothingSecret: true }, ["true"])).toContain("KexAlgorithms=-sntrup761*");
  expect(sshArgv(peer, ["true"]).join(" ")).not.toContain("KexAlgorithms");
});

test("without an identity the agent's keys may be tried", () => {
  const argv = sshArgv({ ...peer, identity: undefined }, ["true"]);
  expect(argv.filter((word) => word.startsWith("Identit"))).toEqual([]);
});

test("known_hosts lines pin to the name, without comments", () => {
  expect(knownHostsLines("web", ["ssh-ed25519 AAAA me@x\n", "ssh-rsa BBBB"])).toBe(
    "web ssh-ed25519 AAAA\nweb ssh-rsa BBBB\n",
  );
});

test("a shell reads every quoted word back", () => {
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

test("messages leave the options out", () => {
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

test("a wrong host key is never taken for a lost connection, which would be tried again", () => {
  expect(sshTrouble("Host key verification failed.\nerror: failed to start SSH connection to 'web'")).toBe(
    "identity",
  );
});
