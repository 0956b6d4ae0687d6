import {
  buildStep,
  copyStep,
  hostIsAway,
  nixPeers,
  pushStep,
  signStep,
} from "../../../deployer/deploy/closure.ts";
import { sshConfig } from "../../../deployer/ssh.ts";
import { broken, drv, files, newSystem, refusedConnection, spec } from "./fixtures.ts";

const nix = ["nix", "--extra-experimental-features", "nix-command flakes"];
const builder = { host: "storage", address: "192.0.2.9", port: 22, hostKey: "ssh-ed25519 AAAAC3Nzb" };
const overSsh = { NIX_SSHOPTS: "-F /tmp/ssh_config" };
const direct = { substitute: true, direct: true };
const separate = { substitute: true, direct: false };

describe("built on the runner", () => {
  test("build", () => {
    expect(buildStep(spec(), drv("b"), files)).toMatchObject({
      argv: [...nix, "build", "--no-link", "--print-out-paths", `${drv("b")}^out`],
      timeoutSeconds: 3600,
    });
  });

  test("sign passes the key's file, never its content", () => {
    expect(signStep(spec(), "/keys/signing", files).argv).toEqual([
      ...[...nix, "store", "sign", "--offline", "--recursive", "--key-file", "/keys/signing", newSystem],
    ]);
  });

  test("push does not wait long for an unreachable cache", () => {
    expect(pushStep(spec(), "s3://cache?endpoint=x", files).argv).toEqual([
      ...[...nix, "copy", "--option", "connect-timeout", "10", "--option", "download-attempts", "2"],
      ...["--to", "s3://cache?endpoint=x", newSystem],
    ]);
  });

  test("copy sends to the host's daemon, which checks signatures and first tries its substituters", () => {
    const step = copyStep(spec(), files, direct);
    expect(step?.argv).toEqual([
      ...[...nix, "copy", "--substitute-on-destination", "--to", "unix:///tmp/d/web.nix", newSystem],
    ]);
    expect(step).toMatchObject({ log: "/tmp/d/web.log", timeoutSeconds: 600 });
    expect(copyStep(spec(), files, { ...direct, substitute: false })).toMatchObject({
      argv: [...nix, "copy", "--to", "unix:///tmp/d/web.nix", newSystem],
      timeoutSeconds: 1800,
    });
  });

  test("the daemon gets none of the runner's settings, such as its substituters", () => {
    const none = { NIX_CONF_DIR: "/tmp/d", NIX_USER_CONF_FILES: "", NIX_CONFIG: "" };
    expect(copyStep(spec(), files, direct)?.env).toEqual({ ...overSsh, ...none });
    expect(copyStep(spec(), files, separate)?.env).toEqual(overSsh);
  });

  test("Nix opens its own connection as root, and where ssh cannot create a socket", () => {
    const to = ["--to", "ssh-ng://web", newSystem];
    const first = copyStep(spec({ managed: false }), files, separate);
    expect(first?.argv.slice(4)).toEqual(["--substitute-on-destination", "--no-check-sigs", ...to]);
    const long = copyStep(spec(), { ...files, connections: `/tmp/${"d".repeat(90)}` }, direct);
    expect(long?.argv.slice(4)).toEqual(["--substitute-on-destination", ...to]);
    expect(long?.env).toEqual(overSsh);
  });

  test("a pinned system is on the host already and is not copied", () => {
    expect(copyStep(spec({ drvPath: undefined }), files, direct)).toBeUndefined();
  });
});

describe("built on another host", () => {
  const remote = spec({ build: builder, signer: "fleet" });

  test("derivations are sent to its store, and nothing is copied back", () => {
    expect(buildStep(remote, drv("b"), files)).toMatchObject({
      argv: [
        ...[...nix, "build", "--store", "ssh-ng://storage", "--eval-store", "auto"],
        ...["--no-link", "--print-out-paths", `${drv("b")}^out`],
      ],
      env: overSsh,
    });
  });

  test("the runner signs the paths in that store with its own key", () => {
    expect(signStep(remote, "/keys/signing", files)).toMatchObject({
      argv: [
        ...[...nix, "store", "sign", "--offline", "--store", "ssh-ng://storage"],
        ...["--recursive", "--key-file", "/keys/signing", newSystem],
      ],
      env: overSsh,
    });
    expect(signStep(remote, "/keys/signing", files).batchable).toBeUndefined();
    expect(signStep(spec(), "/keys/signing", files)).toMatchObject({ batchable: true });
  });

  test("push and copy read from that store", () => {
    expect(pushStep(remote, "s3://cache", files).argv.slice(-5)).toEqual([
      ...["--from", "ssh-ng://storage", "--to", "s3://cache", newSystem],
    ]);
    const copy = copyStep(remote, files, direct);
    expect(copy?.argv.slice(-5)).toEqual([
      ...["--from", "ssh-ng://storage", "--to", "unix:///tmp/d/web.nix", newSystem],
    ]);
    expect(copy?.env).toMatchObject(overSsh);
  });

  test("the ssh configuration has both machines, each with its own key and account", () => {
    const peers = nixPeers(spec({ build: builder, signer: "fleet", managed: false }), files);
    expect(peers.map(({ host, address, user }) => [host, address, user])).toEqual([
      ["web", "203.0.113.10", "root"],
      ["storage", "192.0.2.9", "deploy"],
    ]);
    const config = sshConfig(peers);
    expect(config).toMatch(/^Host web\n {2}HostName 203\.0\.113\.10\n/);
    expect(config).toMatch(/^Host storage\n {2}HostName 192\.0\.2\.9\n/m);
    expect(config.match(/StrictHostKeyChecking yes/g)).toHaveLength(2);
    // Nix fails on a connection that it shares with other processes (NixOS/nix#8329, #14132).
    expect(config.match(/ControlPath .*/g)).toEqual(["ControlPath none", "ControlPath none"]);
  });

  test("a file name with a blank is quoted; a command is not", () => {
    const peer = { host: "web", address: "192.0.2.1", user: "deploy", identity: "/my keys/deploy" };
    const config = sshConfig([{ ...peer, pinned: { key: "ssh-ed25519 AAAA" } }]);
    expect(config).toContain('  IdentityFile "/my keys/deploy"\n');
    expect(config).toContain("  KnownHostsCommand /usr/bin/env echo web ssh-ed25519 AAAA\n");
  });

  test("a builder that does not answer is named, and its host is not reported as offline", () => {
    const away = broken("ssh: connect to host 192.0.2.9 port 22: Connection refused");
    const build = buildStep(remote, drv("b"), files);
    expect(build.hint(away)).toMatch(/^storage, which builds for web: the host does not answer/);
    expect(hostIsAway(remote, build, away)).toBe(false);
    const copy = copyStep(remote, files, direct);
    expect(copy?.hint(away)).toMatch(/^storage, which builds for web/);
    expect(copy && hostIsAway(remote, copy, away)).toBe(false);
    expect(copy && hostIsAway(remote, copy, refusedConnection)).toBe(true);
  });
});

describe("built on the host itself", () => {
  const own = spec({ build: "target", signer: "fleet" });

  test("its store builds, and nothing is copied", () => {
    expect(buildStep(own, drv("b"), files).argv).toEqual(
      expect.arrayContaining(["--store", "ssh-ng://web", "--eval-store", "auto"]),
    );
    expect(copyStep(own, files, direct)).toBeUndefined();
    expect(nixPeers(own, files).map(({ host }) => host)).toEqual(["web"]);
  });

  test("a host that does not answer is offline; a failed build is not", () => {
    expect(hostIsAway(own, buildStep(own, drv("b"), files), refusedConnection)).toBe(true);
    expect(hostIsAway(own, buildStep(own, drv("b"), files), broken("builder failed"))).toBe(false);
  });
});
