import { type ChildProcess, execFileSync, fork, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { processSuffix } from "../../../deployer/process/private-directory.ts";
import { deployResult } from "../../../deployer/protocol/result.ts";
import { gone, Programs, say, until } from "../programs.ts";
import type { DeployReport, DeployRequest } from "./command-plugin.ts";
import { newSystem, spec } from "./fixtures.ts";

let own: Programs;
let plugin: ChildProcess;
let home: string;
beforeEach(() => {
  own = new Programs("deployer");
  plugin = fork(path.join(__dirname, "command-plugin.ts"), { stdio: "ignore" });
  plugin.setMaxListeners(0);
  home = path.join(own.directory, "tmp", `pantheros-deployer-${processSuffix(plugin.pid ?? 0)}`);
});
afterEach(async () => {
  plugin.kill("SIGKILL");
  const pid = deployer();
  if (pid !== undefined) {
    process.kill(pid, "SIGTERM");
    await until(() => gone(pid));
  }
  own.remove();
});

/** The process that serves the run's socket. */
function deployer(): number | undefined {
  const found = fs.readdirSync("/proc").find((pid) => {
    try {
      return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`deploy/main.ts\0${home}\0`);
    } catch {
      return false;
    }
  });
  return found === undefined ? undefined : Number(found);
}

let requests = 0;

/** Starts the deploy command of a host's resource. Returns its shell's process id and its result. */
async function begin(name: string, more: NodeJS.ProcessEnv = {}) {
  const id = ++requests;
  const message = (matches: (report: DeployReport) => boolean) =>
    new Promise<DeployReport>((resolve) => {
      plugin.on("message", (report: DeployReport) => {
        if (report.id === id && matches(report)) resolve(report);
      });
    });
  const begun = message(({ ended }) => ended === undefined);
  const end = message(({ ended }) => ended !== undefined).then(({ ended }) => ended);
  const env = own.environment({
    PANTHEROS_NODE: process.execPath,
    PANTHEROS_SSH_KEY: "/keys/deploy",
    PANTHEROS_DEPLOY: JSON.stringify({ ...spec(), host: name }),
    ...more,
  });
  plugin.send({ id, env } satisfies DeployRequest);
  return { shell: (await begun).pid, end };
}

const ask = async (name: string, more: NodeJS.ProcessEnv = {}) => {
  const ended = await (await begin(name, more)).end;
  if (ended === undefined) throw new Error("it did not end");
  return ended;
};

const health = [{ name: "web", ok: true, detail: "status 200" }];
const supervisor = `case "$*" in
  *" activate "*) ${say({ outcome: "waiting", running: newSystem })} ;;
  *" confirm "*) ${say({ outcome: "confirmed", running: newSystem, token: "t1", generation: 2, health })} ;;
esac`;

/** A nix whose copy to that host does not end. It writes its process id to nix.pid. */
const stuckCopyTo = (host: string) =>
  `case "$*" in *" copy "*/${host}.nix*) echo $$ >"${own.directory}/nix.pid.new"; mv "${own.directory}/nix.pid.new" "${own.directory}/nix.pid"; exec sleep 1000 ;; esac; echo ${newSystem}`;

test.each([
  ["sh", ""],
  ["busybox sh", "exec busybox sh"],
])(
  "hosts in parallel, under %s: one deployer; each host has its own progress and one result line; no files are left",
  async (_, shell) => {
    if (shell !== "") own.program("sh", `${shell} "$@"`);
    own.program("nix", `echo ${newSystem}`);
    own.program("ssh", supervisor);
    own.program("node", `exec "${process.execPath}" "$@"`);
    const names = ["web", "db", "mail"];
    const node = { PANTHEROS_NODE: path.join(own.directory, "bin", "node") };
    const all = await Promise.all(names.map(async (name) => ({ name, ...(await ask(name, node)) })));
    for (const { name, status, stdout, stderr } of all) {
      expect([status, stderr]).toEqual([
        0,
        `${name}: build\n${name}: connect\n${name}: copy\n${name}: activate\n${name}: confirm\n`,
      ]);
      expect(stdout.trim().split("\n")).toHaveLength(1);
      expect(deployResult.parse(JSON.parse(stdout))).toMatchObject({
        host: name,
        outcome: "confirmed",
        generation: 2,
        health,
      });
    }
    expect(own.read("log").match(/deploy\/main\.ts/g)).toHaveLength(1);
    expect(own.leftovers()).toEqual([path.basename(home)]);
    plugin.kill("SIGTERM");
    await until(() => own.leftovers().length === 0);
  },
);

test("a killed command ends its own deploy and no other", async () => {
  own.program("nix", stuckCopyTo("db"));
  own.program("ssh", supervisor);
  const db = await begin("db");
  await until(() => own.exists("nix.pid"));
  process.kill(db.shell, "SIGKILL"); // the shell alone, as the command plugin does
  await until(() => gone(Number(own.read("nix.pid"))));
  expect(await db.end).toMatchObject({ status: null, stdout: "" });
  expect((await ask("web")).status).toBe(0);
  expect(own.read("log").split("\n")).not.toContainEqual(expect.stringMatching(/ db .* confirm /));
});

test.each(["SIGTERM", "SIGKILL"] as const)(
  "the deployer gets %s: the resource fails, and nothing is confirmed",
  async (signal) => {
    own.program("nix", stuckCopyTo("web"));
    own.program("ssh", supervisor);
    const web = await begin("web");
    await until(() => own.exists("nix.pid"));
    process.kill(deployer() ?? 0, signal);
    expect(await web.end).toMatchObject({
      status: 1,
      stdout: "",
      stderr: expect.stringContaining("ended before the deploy did"),
    });
    const nix = Number(own.read("nix.pid"));
    // A killed deployer cannot end its children: the copy continues, but no later step runs.
    if (signal === "SIGKILL") process.kill(nix, "SIGKILL");
    await until(() => gone(nix));
    expect(own.read("log")).not.toContain("confirm");
  },
);

test("the engine is killed: the deployer and its children end before anything is confirmed", async () => {
  own.program("nix", stuckCopyTo("web"));
  own.program("ssh", supervisor);
  await begin("web");
  await until(() => own.exists("nix.pid"));
  const pid = deployer() ?? 0;
  plugin.kill("SIGKILL");
  await until(() => gone(pid) && gone(Number(own.read("nix.pid"))));
  expect(own.read("log")).not.toContain("confirm");
  await until(() => own.leftovers().length === 0);
});

test.each([
  ["no JSON", "[", /^pantheros deploy: PANTHEROS_DEPLOY cannot be read/],
  ["a key that is missing", "{}", /^pantheros deploy: PANTHEROS_DEPLOY cannot be read(.|\n)*at host/],
])("an invalid spec (%s): an error and no result", async (_, json, error) => {
  const { status, stdout, stderr } = await ask("web", { PANTHEROS_DEPLOY: json });
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(error);
});

test("the exit status is 0 whatever the host's outcome is", async () => {
  own.program("nix", "echo 'error: no such derivation' >&2; exit 1");
  const { status, stdout } = await ask("web");
  expect(status).toBe(0);
  expect(deployResult.parse(JSON.parse(stdout))).toMatchObject({
    outcome: "failed",
    step: "build",
    reason: "error: no such derivation",
  });
});

test("ssh's known_hosts file has only the pinned key, and the deploy key is the identity", async () => {
  own.program(
    "nix",
    `case "$*" in *" copy "*) cp "$(sed -n 's/^ *UserKnownHostsFile //p' "\${NIX_SSHOPTS#-F }")" "${own.directory}/pins"; esac; echo ${newSystem}`,
  );
  own.program("ssh", supervisor);
  expect((await ask("web")).status).toBe(0);
  expect(own.read("pins")).toBe("web ssh-ed25519 AAAAC3Nza\n");
  expect(own.read("log")).toContain("IdentityFile=/keys/deploy");
});

test("a deployer that cannot start: the resource fails with the reason, and the next one tries again", async () => {
  own.program("nix", `echo ${newSystem}`);
  own.program("ssh", supervisor);
  own.program("node", "echo 'node: bad option' >&2; exit 9");
  const { status, stderr } = await ask("web", { PANTHEROS_NODE: path.join(own.directory, "bin", "node") });
  expect([status, stderr]).toEqual([1, "pantheros deploy: the deployer did not start: node: bad option\n"]);
  expect((await ask("web")).status).toBe(0);
});

test("a socket directory that other users can enter is refused", async () => {
  fs.mkdirSync(home, { mode: 0o755 });
  const { status, stderr } = await ask("web");
  expect([status, stderr]).toEqual([1, expect.stringContaining("not a directory of this user's alone")]);
  expect(deployer()).toBeUndefined();
});

test.each<[string, () => NodeJS.ProcessEnv]>([
  ["has a blank", () => ({ TMPDIR: path.join(own.directory, "a b") })],
  ["is too long for a socket", () => ({ TMPDIR: path.join(own.directory, "l".repeat(80)) })],
  ["is not writable", () => ({ TMPDIR: "/proc/self" })],
  ["is missing", () => ({ TMPDIR: path.join(own.directory, "none") })],
])("TMPDIR that %s: another directory is used", async (reason, more) => {
  const env = more();
  if (!reason.startsWith("is ") || reason.includes("long")) fs.mkdirSync(env["TMPDIR"] ?? "");
  own.program("nix", `echo ${newSystem}`);
  own.program("ssh", supervisor);
  const ran = await ask("web", { ...env, XDG_RUNTIME_DIR: path.join(own.directory, "tmp") });
  expect(ran.stderr).toBe("web: build\nweb: connect\nweb: copy\nweb: activate\nweb: confirm\n");
  expect(deployResult.parse(JSON.parse(ran.stdout))).toMatchObject({ outcome: "confirmed" });
  expect(own.leftovers()).toEqual([path.basename(home)]);
});

test("no directory for temporary files: one line names each, and the remedy", () => {
  own.program("mkdir", "exit 1");
  const { status, stderr } = spawnSync("deployer/deploy/deploy.sh", {
    encoding: "utf8",
    env: own.environment({
      PANTHEROS_NODE: process.execPath,
      PANTHEROS_DEPLOY: "{}",
      TMPDIR: "/a b",
      XDG_RUNTIME_DIR: "",
    }),
  });
  expect([status, stderr]).toEqual([
    1,
    "pantheros deploy: no directory for temporary files (/a b: its path has a blank; /tmp: it is not a writable directory): set TMPDIR to a writable directory with free space, whose path is short and has no blank\n",
  ]);
});

test("without curl the error names it", async () => {
  for (const name of [
    "sh",
    "mkdir",
    "find",
    "id",
    "rm",
    "mkfifo",
    "setsid",
    "cat",
    "flock",
    "sed",
    "readlink",
  ]) {
    const found = execFileSync("/bin/sh", ["-c", 'command -v "$0"', name], { encoding: "utf8" }).trim();
    fs.symlinkSync(found, path.join(own.directory, "bin", name));
  }
  const { status, stderr } = await ask("web", { PATH: path.join(own.directory, "bin") });
  expect(status).toBe(1);
  expect(stderr).toContain("curl");
});
