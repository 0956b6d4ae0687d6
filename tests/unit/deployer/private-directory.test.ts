import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import {
  makePrivateDirectory,
  processSuffix,
  removeStale,
} from "../../../deployer/process/private-directory.ts";

const environment = { ...process.env };
let parent: string;
beforeEach(() => {
  parent = fs.mkdtempSync(path.join(os.tmpdir(), "stale-"));
});
afterEach(() => {
  process.env["TMPDIR"] = environment["TMPDIR"];
  if (environment["TMPDIR"] === undefined) delete process.env["TMPDIR"];
  fs.rmSync(parent, { recursive: true, force: true });
});

test("removes the directories of processes that have ended, and no other", () => {
  const dead = spawnSync("true").pid;
  const namespace = processSuffix(process.pid).split("-")[2];
  const other = namespace === "0000" ? "0001" : "0000";
  const live = spawn("sleep", ["60"]);
  const names = {
    stale: [`pantheros-deploy-${dead}-1-${namespace}-1`, `pantheros-deployer-${process.pid}-1-${namespace}`],
    kept: [
      `pantheros-deploy-${processSuffix(live.pid ?? 0)}-1`,
      `pantheros-install-${dead}-1-${other}-1`,
      "pantheros-deploy-AbCdEf",
      `other-${dead}-1-${namespace}`,
    ],
  };
  for (const name of Object.values(names).flat()) fs.mkdirSync(path.join(parent, name));
  fs.writeFileSync(path.join(parent, names.stale[0] ?? "", "ssh_config"), "");
  removeStale(parent);
  live.kill();
  expect(fs.readdirSync(parent).toSorted()).toEqual(names.kept.toSorted());
});

test("the directory is private, in TMPDIR, and later runs remove what a killed one left", () => {
  process.env["TMPDIR"] = parent;
  const left = path.join(
    parent,
    `pantheros-install-${spawnSync("true").pid}-1-${processSuffix(1).slice(-4)}-1`,
  );
  fs.mkdirSync(left);
  const made = [makePrivateDirectory("deploy"), makePrivateDirectory("deploy")];
  expect(fs.readdirSync(parent)).toHaveLength(2);
  // A process searches a directory once, because its hosts' deploys follow each other quickly.
  fs.mkdirSync(left);
  makePrivateDirectory("deploy");
  expect(fs.existsSync(left)).toBe(true);
  for (const directory of made) {
    expect(path.dirname(directory)).toBe(parent);
    expect(fs.statSync(directory).mode & 0o777).toBe(0o700);
  }
});

test.each([
  ["with a blank", "a b"],
  ["missing", "none"],
])("TMPDIR %s: another directory is used", (_, name) => {
  process.env["TMPDIR"] = path.join(parent, name);
  if (name === "a b") fs.mkdirSync(path.join(parent, name));
  const directory = makePrivateDirectory("deploy");
  expect(directory.startsWith(parent)).toBe(false);
  fs.rmSync(directory, { recursive: true });
});

test("a path that suits is preferred; one that does not is better than none", () => {
  process.env["TMPDIR"] = parent;
  const preferred = makePrivateDirectory("deploy", (directory) => !directory.startsWith(parent));
  expect(preferred.startsWith(parent)).toBe(false);
  fs.rmSync(preferred, { recursive: true });
  expect(path.dirname(makePrivateDirectory("deploy", () => false))).toBe(parent);
});

/** A mount needs a namespace of the user's own, which some systems refuse. */
const canMount = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;

(canMount ? test : test.skip)("every directory full: one line names each, and the remedy", () => {
  // The program is loaded first, because the checkout itself may be below /tmp.
  const program = `
import { execFileSync } from "node:child_process";
import { makePrivateDirectory } from "${process.cwd()}/deployer/process/private-directory.ts";
execFileSync("sh", ["-c", "mount -t tmpfs -o size=4k none /mnt && mount --bind /mnt /tmp"]);
try { makePrivateDirectory("deploy"); } catch (error) { console.log(error.message); }`;
  const { stdout, stderr } = spawnSync(
    "unshare",
    ["-rm", process.execPath, "--input-type=module-typescript", "-e", program],
    { encoding: "utf8", env: { PATH: process.env["PATH"], TMPDIR: "/mnt" } },
  );
  expect([stdout.trim().split("\n"), stderr]).toEqual([
    [
      "no directory for temporary files (/mnt: ENOSPC: no space left on device, write; /tmp: ENOSPC: no space left on device, write): set TMPDIR to a writable directory with free space and no blank in its path",
    ],
    "",
  ]);
});

(canMount ? test : test.skip)("deploy.sh with every directory full: one line", () => {
  const script = `mount -t tmpfs -o size=4k none /mnt && mount --bind /mnt /tmp && TMPDIR=/mnt XDG_RUNTIME_DIR= PANTHEROS_DEPLOY={} PANTHEROS_NODE=node deployer/deploy/deploy.sh`;
  const { status, stderr } = spawnSync("unshare", ["-rm", "sh", "-c", script], { encoding: "utf8" });
  expect([status, stderr]).toEqual([
    1,
    "pantheros deploy: no directory for temporary files (/mnt: it is full; /tmp: it is full): set TMPDIR to a writable directory with free space, whose path is short and has no blank\n",
  ]);
});
