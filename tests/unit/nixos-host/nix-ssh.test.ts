import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const own = join(process.cwd(), "components/nixos-host/deploy/nix-ssh");
const shells = [["/bin/dash"], ["/bin/busybox", "sh"]].filter(([shell = ""]) => existsSync(shell));

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "nix-ssh-"));
  writeFileSync(join(directory, "ssh"), '#!/bin/sh\nprintf "<%s>" "$@"\n', { mode: 0o755 });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const sharing = [
  "PermitLocalCommand=no",
  "ControlMaster=auto",
  "ControlPath=/tmp/d/%r@%n",
  "ControlPersist=5",
];
const shown = (...words: readonly string[]) => words.map((word) => `<${word}>`).join("");
const shared = shown(...sharing.flatMap((option) => ["-o", option]));

describe.each(shells)("Nix's ssh under %s", (shell, ...applet) => {
  const ssh = (...words: readonly string[]) => {
    const { status, stdout } = spawnSync(shell ?? "", [...applet, join(own, "ssh"), ...words], {
      encoding: "utf8",
      env: {
        PATH: `${own}:${directory}:${process.env["PATH"]}`,
        ...{ PANTHEROS_CONTROL_PATH: "/tmp/d/%r@%n", PANTHEROS_CONTROL_PERSIST: "5" },
      },
    });
    return { status, stdout };
  };
  const usual = ["web", "-x", "-F", "/tmp/ssh_config", "-oPermitLocalCommand=yes"];
  const daemon = ["--", "nix-daemon", "--stdio"];

  test("a session is shared, and said to have started once, by nobody else", () => {
    const words = [...usual, "-oLocalCommand=echo started", ...daemon];
    expect(ssh(...words)).toEqual({ status: 0, stdout: `started\n${shared}${shown(...words)}` });
  });

  test("a Nix that waits for no such word gets none", () => {
    const words = ["web", "-x", ...daemon];
    expect(ssh(...words).stdout).toBe(`${shared}${shown(...words)}`);
  });

  test("nobody sees that a connection is shared", () => {
    expect(ssh("-O", "check", "web", "-F", "/tmp/ssh_config")).toEqual({ status: 255, stdout: "" });
  });

  test.each([
    ["a connection that Nix shares itself", ["web", "-M", "-N", "-S", "/tmp/n/ssh.sock", ...usual.slice(1)]],
    ["a session over it", [...usual, "-S", "/tmp/n/ssh.sock", ...daemon]],
    ["a Nix that waits for another word", [...usual, "-oLocalCommand=echo ready", ...daemon]],
  ])("left alone: %s", (_, words) => {
    expect(ssh(...words).stdout).toBe(shown(...words));
  });

  test("words for the other side mean nothing here", () => {
    expect(ssh("web", "--", "tar", "-S", "-O").stdout).toBe(
      `${shared}${shown("web", "--", "tar", "-S", "-O")}`,
    );
  });
});
