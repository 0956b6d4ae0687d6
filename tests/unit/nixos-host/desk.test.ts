import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { deployResult } from "../../../components/nixos-host/result.ts";
import { newSystem, spec } from "./fixtures.ts";
import { gone, Programs, say, until } from "./programs.ts";

/** The program with its desk, and what started it, as an engine's language host does. */
let own: Programs;
let host: ChildProcess;
let program: number;
let socket: string;
beforeEach(async () => {
  own = new Programs("desk");
  const opens =
    'import("./components/nixos-host/deploy/desk.ts").then(({ openDesk }) => openDesk()).then(console.log); setInterval(() => {}, 1000)';
  host = spawn("/bin/sh", ["-c", '"$0" --eval "$1" & echo $!; wait', process.execPath, opens], {
    env: own.environment({ PANTHEROS_SSH_KEY: "/keys/deploy" }),
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (host.stdout === null) throw new Error("it has no output");
  const said: string[] = [];
  for await (const line of createInterface(host.stdout)) {
    said.push(line);
    if (said.length === 2) break;
  }
  program = Number(said[0]);
  socket = said[1] ?? "";
});
afterEach(async () => {
  if (!gone(program)) process.kill(program, "SIGKILL");
  host.kill("SIGKILL");
  await until(() => gone(program));
  own.remove();
});

const health = [{ name: "web", ok: true, detail: "status 200" }];
const supervisor = `case "$*" in
  *" activate "*) ${say({ outcome: "waiting", running: newSystem })} ;;
  *" confirm "*) ${say({ outcome: "confirmed", running: newSystem, generation: 2, health })} ;;
esac`;

/** What the resource of a host runs; `detached`, so that all of it can be ended as the engine does. */
function ask(name: string, more: NodeJS.ProcessEnv = {}) {
  const child = spawn("/bin/sh", ["components/nixos-host/deploy/deploy.sh"], {
    detached: true,
    env: own.environment({
      PANTHEROS_DESK: socket,
      PANTHEROS_DEPLOY: JSON.stringify({ ...spec(), host: name }),
      ...more,
    }),
  });
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]).then(
    ([stdout, stderr, [status]]) => ({ status, stdout, stderr }),
  );
  return { ended, group: child.pid ?? 0 };
}

test("hosts beside each other: each has its own progress and one line of result; nothing is left", async () => {
  own.program("nix", `echo ${newSystem}`);
  own.program("ssh", supervisor);
  const all = await Promise.all(["web", "db"].map(async (name) => ({ name, ...(await ask(name).ended) })));
  for (const { name, status, stdout, stderr } of all) {
    expect([status, stderr]).toEqual([
      0,
      `${name}: build\n${name}: copy\n${name}: activate\n${name}: confirm\n`,
    ]);
    expect(stdout.trim().split("\n")).toHaveLength(1);
    expect(deployResult.parse(JSON.parse(stdout))).toMatchObject({
      ...{ host: name, outcome: "confirmed", generation: 2, health },
    });
  }
  expect(own.leftovers()).toEqual([path.basename(path.dirname(socket))]);
});

test("who hangs up ends his deploy, and nobody else's", async () => {
  own.program(
    "nix",
    `case "$*" in *" copy "*ssh-ng://db*) echo $$ >"${own.directory}/nix.pid.new"; mv "${own.directory}/nix.pid.new" "${own.directory}/nix.pid"; exec sleep 1000 ;; esac; echo ${newSystem}`,
  );
  own.program("ssh", supervisor);
  const db = ask("db");
  await until(() => own.exists("nix.pid"));
  process.kill(-db.group, "SIGKILL");
  await until(() => gone(Number(own.read("nix.pid"))));
  expect((await ask("web").ended).status).toBe(0);
  expect(own.read("log").split("\n")).not.toContainEqual(expect.stringMatching(/ db .* confirm /));
});

test.each([
  ["it is told to end", () => process.kill(program, "SIGTERM")],
  ["it is killed", () => process.kill(program, "SIGKILL")],
  ["what started it is killed", () => host.kill("SIGKILL")],
])("the program, when %s: the resource fails, and nothing is confirmed", async (how, end) => {
  own.program(
    "nix",
    `case "$*" in *" copy "*) echo $$ >"${own.directory}/nix.pid.new"; mv "${own.directory}/nix.pid.new" "${own.directory}/nix.pid"; exec sleep 1000 ;; esac; echo ${newSystem}`,
  );
  own.program("ssh", supervisor);
  const web = ask("web");
  await until(() => own.exists("nix.pid"));
  end();
  expect(await web.ended).toMatchObject({ status: 1, stdout: "" });
  expect((await web.ended).stderr).toContain("ended before the deploy did");
  const nix = Number(own.read("nix.pid"));
  // What is killed ends nothing: the copy goes on and nobody comes after it.
  if (how === "it is killed") process.kill(nix, "SIGKILL");
  await until(() => gone(nix));
  expect(own.read("log")).not.toContain("confirm");
});

test.each([
  ["no JSON", "[", /PANTHEROS_DEPLOY cannot be read/],
  ["a key that is missing", "{}", /PANTHEROS_DEPLOY cannot be read(.|\n)*at host/],
])("a spec with %s: what is wrong, and no result", async (_, spec, said) => {
  const { status, stdout, stderr } = await ask("web", { PANTHEROS_DEPLOY: spec }).ended;
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(said);
});

test("it exits 0 whatever became of the host", async () => {
  own.program("nix", "echo 'error: no such derivation' >&2; exit 1");
  const { status, stdout } = await ask("web").ended;
  expect(status).toBe(0);
  expect(deployResult.parse(JSON.parse(stdout))).toMatchObject({
    outcome: "failed",
    step: "build",
    reason: "error: no such derivation",
  });
});

test("only the pinned key is in the file that ssh reads, and the deploy's own key is used", async () => {
  own.program(
    "nix",
    `case "$*" in *" copy "*) cp "$(sed -n 's/^ *UserKnownHostsFile //p' "\${NIX_SSHOPTS#-F }")" "${own.directory}/pins"; esac; echo ${newSystem}`,
  );
  own.program("ssh", supervisor);
  expect((await ask("web").ended).status).toBe(0);
  expect(own.read("pins")).toBe("web ssh-ed25519 AAAAC3Nza\n");
  expect(own.read("log")).toContain("IdentityFile=/keys/deploy");
});

test("without curl it says so", async () => {
  const { status, stderr } = await ask("web", { PATH: path.join(own.directory, "bin") }).ended;
  expect(status).toBe(1);
  expect(stderr).toContain("curl");
});
