import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Runs sandbox/nixos-anywhere with fakes of ssh and nix that record their calls.
let directory: string;
const at = (...path: string[]) => join(directory, ...path);

function program(name: string, body: string): void {
  mkdirSync(at("bin"), { recursive: true });
  writeFileSync(at("bin", name), `#!/bin/sh\n${body}\n`);
  chmodSync(at("bin", name), 0o755);
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pantheros-anywhere-"));
  mkdirSync(at("system/bin"), { recursive: true });
  writeFileSync(at("system/bin/switch-to-configuration"), "");
  chmodSync(at("system/bin/switch-to-configuration"), 0o755);
  mkdirSync(at("extra/etc/ssh"), { recursive: true });
  writeFileSync(at("extra/etc/ssh/ssh_host_ed25519_key"), "key");
  // One argument per line, then stdin unless it is the archive.
  program(
    "ssh",
    `{ echo "ssh"; for word; do echo "  $word"; done; } >>${at("calls")}
case "$*" in
  *"id -u"*) printf '0\\nLinux\\n' ;;
  *"systemctl reboot"*) exit \${REBOOT_CODE:-255} ;;
  *"grep -q"*) exit 1 ;;
  *boot_id*) date +%N ;;
  *tar*) cat >${at("archive")} ;;
  *" sh" | *" sh -s "*) cat >>${at("calls")} ;;
esac`,
  );
  program(
    "nix",
    `{ echo "nix $*"; echo "NIX_SSHOPTS=$NIX_SSHOPTS"; } >>${at("calls")}; exit \${NIX_CODE:-0}`,
  );
});
afterEach(() => rmSync(directory, { recursive: true }));

function run(args: readonly string[], environment: Record<string, string> = {}) {
  const result = spawnSync("sandbox/nixos-anywhere", args, {
    encoding: "utf8",
    env: { ...process.env, ...environment, PATH: `${at("bin")}:${process.env["PATH"]}` },
  });
  const calls = existsSync(at("calls")) ? readFileSync(at("calls"), "utf8") : "";
  return { code: result.status, output: result.stdout + result.stderr, calls };
}

const install = () => ["--store-paths", at("system"), at("system"), "--target-host", "root@203.0.113.10"];

test("all phases: installer, copy, extra files and boot default, which take effect with the reboot", () => {
  const { code, calls } = run([...install(), "--extra-files", at("extra"), "--no-disko-deps"]);
  expect(code).toBe(0);
  const order = [
    "id -u",
    "VARIANT_ID=installer",
    "mount --bind",
    "nix --extra",
    "tar -C /var/lib/nixos-anywhere/root",
    "nix-env",
    "rm -f /etc/ssh/ssh_host_*",
    "mv /var/lib/nixos-anywhere/default /boot/pantheros-default",
    "systemctl reboot",
  ];
  const places = order.map((text) => calls.indexOf(text));
  expect(places.every((place) => place >= 0)).toBe(true);
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(calls).toContain(`--to ssh-ng://root@203.0.113.10 ${at("system")}`);
  expect(spawnSync("tar", ["-tf", at("archive")], { encoding: "utf8" }).stdout).toContain(
    "./etc/ssh/ssh_host_ed25519_key",
  );
});

test("the caller's ssh options come first, on every connection and for nix; spaces are kept", () => {
  const { calls } = run([
    ...install(),
    ...["-i", "/keys/deploy key", "--ssh-port", "2222"],
    ...["--ssh-option", "UserKnownHostsFile=/pins", "--ssh-option", "ConnectTimeout=3"],
  ]);
  const connections = calls.split(/^ssh$/m).slice(1);
  expect(connections.length).toBeGreaterThan(3);
  for (const connection of connections) {
    expect(connection).toContain("  -i\n  /keys/deploy key\n");
    expect(connection).toContain("  Port=2222\n");
    expect(connection).toContain("  UserKnownHostsFile=/pins\n");
    expect(connection.indexOf("ConnectTimeout=3")).toBeLessThan(connection.indexOf("ConnectTimeout=10"));
    expect(connection).toContain("  StrictHostKeyChecking=yes\n");
  }
  expect(calls).toMatch(/NIX_SSHOPTS=.*-o UserKnownHostsFile=\/pins/);
});

test("only the phases asked for", () => {
  expect(run([...install(), "--phases", "kexec"]).calls).not.toMatch(/nix-env|ssh-ng|systemctl reboot/);
  rmSync(at("calls"));
  const { calls } = run([...install(), "--phases", "reboot"]);
  expect(calls).toContain("systemctl reboot");
  expect(calls).not.toContain("nix-env");
});

test("the reboot removes root's keys, unless the extra files contain some", () => {
  const forget = "rm -f /root/.ssh/authorized_keys";
  expect(run([...install(), "--extra-files", at("extra")]).calls).toContain(forget);
  rmSync(at("calls"));
  mkdirSync(at("extra/root/.ssh"), { recursive: true });
  writeFileSync(at("extra/root/.ssh/authorized_keys"), "k");
  expect(run([...install(), "--extra-files", at("extra")]).calls).not.toContain(forget);
});

test("a failed copy ends the installation before the machine is changed", () => {
  const { code, calls } = run([...install(), "--extra-files", at("extra")], { NIX_CODE: "3" });
  expect(code).toBe(3);
  expect(calls).not.toMatch(/ssh_host_|nix-env|systemctl reboot/);
});

test("a machine that stays reachable is not a failure, as with the real one", () => {
  const { code, output } = run([...install(), "--phases", "reboot"], { REBOOT_CODE: "0" });
  expect(code).toBe(0);
  expect(output).toContain("still reachable");
});

test.each([
  [["--target-host", "root@h"], "--store-paths must be set"],
  [["--store-paths", "/nix/store/none", "/nix/store/none", "root@h"], "does not exist"],
  [["--phases", "kexec,dance"], "Unknown phase: dance"],
  [["--flake", ".#web", "root@h"], "Unknown option: --flake"],
  [["--target-host"], "requires 1 argument"],
])("refuses %j", (args, message) => {
  const { code, output, calls } = run(args);
  expect(code).toBe(1);
  expect(output).toContain(message);
  expect(calls).toBe("");
});

describe("faults", () => {
  /** The stand-in with the sandbox's directory; `lines` is what goes wrong. */
  const faulty = (phases: string, ...lines: string[]) => {
    mkdirSync(at("sandbox"), { recursive: true });
    writeFileSync(at("sandbox", "nixos-anywhere.faults"), lines.map((line) => `${line}\n`).join(""));
    const args = [...install(), "--phases", phases, "--ssh-option", "HostKeyAlias=web"];
    return run(args, { PANTHEROS_SANDBOX_DIR: at("sandbox") });
  };

  test.each([
    ["kexec", "Kexec failed"],
    ["disko", "Problem opening /dev/sda for reading! Error is 2."],
    ["install", "/run/current-system/bin/switch-to-configuration: No such file or directory"],
    ["reboot", "Failed to connect to bus"],
  ])("%s fails with its own words, and nothing of it is done", (phase, words) => {
    const { code, output, calls } = faulty(phase, `web ${phase} fail`);
    expect(code).toBe(1);
    expect(output).toContain(words);
    expect(calls).not.toMatch(/mount --bind|nix-env|systemctl reboot/);
  });

  test("a kexec into the old system fails as the real one does", () => {
    const { code, output, calls } = faulty("kexec", "web kexec old-system");
    expect(code).toBe(1);
    expect(output).toContain("aborted: Failed to kexec into NixOS installer");
    expect(calls).toContain("systemctl reboot");
  });

  test("a reboot into the old system does not apply what was installed", () => {
    const { code, calls } = faulty("reboot", "web reboot old-system");
    expect(code).toBe(0);
    expect(calls).toContain("systemctl reboot");
    expect(calls).not.toContain("ssh_host");
  });

  test("faults of other hosts and phases have no effect; each phase is logged when it begins", () => {
    expect(faulty("kexec,disko", "db kexec fail", "web install fail").code).toBe(0);
    expect(readFileSync(at("sandbox", "nixos-anywhere.log"), "utf8")).toBe("web kexec\nweb disko\n");
  });
});
