import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pantheros-mounts-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Runs the check with `options` as the kernel's options of every mount; null: nothing is mounted. */
function check(rule: string, options: string | null) {
  const findmnt = join(directory, "findmnt");
  writeFileSync(findmnt, `#!/bin/sh\n${options === null ? "exit 1" : `echo '${options}'`}\n`);
  chmodSync(findmnt, 0o755);
  writeFileSync(join(directory, "rules"), `${rule}\n`);
  const { status, stderr } = spawnSync("sh", ["nix/modules/storage/check.sh", join(directory, "rules")], {
    encoding: "utf8",
    env: { PATH: `${directory}:${process.env["PATH"] ?? ""}` },
  });
  return { status, stderr: stderr.trim() };
}

test.each([
  ["/nix|noatime nodatacow|compress", "rw,noatime,nodatasum,nodatacow,ssd,subvolid=5"],
  ["/var/log|noatime compress=zstd:6|nodatacow", "rw,noatime,compress=zstd:6,ssd"],
  ["/srv||", "rw,relatime"],
])("%s is content with %s", (rule, options) => {
  expect(check(rule, options)).toEqual({ status: 0, stderr: "" });
});

test.each([
  [
    "/var/log|compress=zstd:6|",
    "rw,compress=zstd:1",
    "/var/log: compress=zstd:6 is missing (rw,compress=zstd:1)",
  ],
  [
    "/nix|noatime|compress",
    "rw,noatime,compress=zstd:3",
    "/nix: compress is set, and must not be (rw,noatime,compress=zstd:3)",
  ],
  ["/var/cache||nodatacow", "rw,nodatacow", "/var/cache: nodatacow is set, and must not be (rw,nodatacow)"],
  ["/nix|noatime|", null, "/nix: not mounted"],
])("%s complains about %s", (rule, options, message) => {
  expect(check(rule, options)).toEqual({ status: 1, stderr: message });
});
