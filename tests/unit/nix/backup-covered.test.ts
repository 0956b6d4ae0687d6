import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pantheros-covered-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const covered = (...names: readonly string[]) => {
  const directories = names.map((name) => join(root, name));
  const script = "nix/modules/services/backups/covered.sh";
  const { status, stderr } = spawnSync("sh", [script, ...directories], { encoding: "utf8" });
  return { status, stderr: stderr.replaceAll(`${root}/`, "") };
};

test("directories with a file at any depth pass", () => {
  mkdirSync(join(root, "deep/er"), { recursive: true });
  writeFileSync(join(root, "deep/er/file"), "");
  mkdirSync(join(root, "two words"));
  writeFileSync(join(root, "two words/-n"), "");
  expect(covered("deep", "two words")).toEqual({ status: 0, stderr: "" });
});

test("an empty directory, one with only directories and links, and a missing one are all named", () => {
  mkdirSync(join(root, "full"));
  writeFileSync(join(root, "full/file"), "");
  mkdirSync(join(root, "empty/below"), { recursive: true });
  mkdirSync(join(root, "links"));
  symlinkSync("/etc/passwd", join(root, "links/passwd"));
  expect(covered("full", "empty", "links", "absent")).toEqual({
    status: 1,
    stderr: [
      "backup: empty has no file",
      "backup: links has no file",
      "backup: absent is missing",
      "backup: put data there, or take the directory out of backup of the host or service in fleet.toml\n",
    ].join("\n"),
  });
});
