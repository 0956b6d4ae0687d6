import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "../../../sandbox/plugins/command/plugin.ts";
import { LONGEST_LOGGED_LINE } from "../../../sandbox/plugins/command/process.ts";
import { folder, Session } from "./session.ts";

const LOCAL = "command:local:Command";
const path = folder();
const session = new Session(command, {});

/** A zombie counts as ended. */
function isRunning(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) [ZX] /.test(readFileSync(stat, "utf8"));
}

test("create and update run their commands, delete gets the last output", async () => {
  const args = {
    create: 'echo "made $NAME"; echo note >&2',
    update: 'printf "%s then\\n\\n" "$PULUMI_COMMAND_STDOUT"',
    delete: `printf %s "$PULUMI_COMMAND_STDOUT" > ${path}/deleted`,
    environment: { NAME: "one" },
  };
  const made = await session.create(LOCAL, "hello", args);
  expect(made.id).toMatch(/^hello[0-9a-f]{8}$/);
  expect(made.outputs).toMatchObject({ stdout: "made one", stderr: "note" });
  const changed = await session.update(made, { ...args, environment: { NAME: "two" } });
  expect(changed.outputs["stdout"]).toBe("made one then\n"); // one newline is dropped, not all
  await session.delete(changed);
  expect(readFileSync(join(path, "deleted"), "utf8")).toBe("made one then\n");
});

test("without update a change runs create again; without a command the outputs stay", async () => {
  const made = await session.create(LOCAL, "again", { create: "echo $N", environment: { N: "1" } });
  const changed = await session.update(made, { create: "echo $N", environment: { N: "2" } });
  expect(changed.outputs["stdout"]).toBe("2");
  const bare = await session.update(changed, { environment: { N: "3" } });
  expect(bare.outputs["stdout"]).toBe("2");
});

test("addPreviousOutputInEnv: false keeps the previous output out", async () => {
  const args = {
    create: "echo first",
    update: 'echo "[$PULUMI_COMMAND_STDOUT]"',
    addPreviousOutputInEnv: false,
  };
  const made = await session.create(LOCAL, "quiet", args);
  expect((await session.update(made, { ...args, dir: "/" })).outputs["stdout"]).toBe("[]");
});

test("triggers replace, everything else updates, ignored paths are no difference", () => {
  const inputs = { create: "true", triggers: ["/nix/store/a", "token-1"], environment: { A: "1" } };
  const live = { type: LOCAL, name: "t", id: "t1", inputs, outputs: {} };
  expect(session.diff(live, { ...inputs, triggers: ["/nix/store/b", "token-1"] })).toEqual(["triggers[0]!"]);
  expect(session.diff(live, { ...inputs, triggers: ["/nix/store/a", "token-2"] }, ["triggers[1]"])).toEqual(
    [],
  );
  expect(session.diff(live, { ...inputs, create: "false", environment: { A: "2" } })).toEqual([
    "create",
    "environment.A",
  ]);
});

test("stdin, dir and interpreter", async () => {
  writeFileSync(join(path, "here"), "file of the folder");
  const made = await session.create(LOCAL, "cat", {
    create: "process.stdin.pipe(process.stdout); console.log(require('fs').readFileSync('here','utf8'))",
    interpreter: [process.execPath, "-e"],
    dir: path,
    stdin: "from stdin\n",
  });
  expect(made.outputs["stdout"]).toBe("file of the folder\nfrom stdin");
});

test("the error of a failed command has status, text and all output", async () => {
  const failing = session.create(LOCAL, "bad", { create: "echo out; echo err >&2; exit 3" });
  await expect(failing).rejects.toThrow(
    'exit status 3: running "echo out; echo err >&2; exit 3":\nout\nerr\n',
  );
  await expect(session.create(LOCAL, "killed", { create: "kill -9 $$" })).rejects.toThrow(
    "signal: killed: running",
  );
  const lost = session.create(LOCAL, "lost", { create: "pwd", dir: join(path, "nowhere") });
  await expect(lost).rejects.toThrow(/^chdir .*nowhere: no such file or directory: running "pwd"/);
});

test("lines are reported while the command runs, as set by logging", async () => {
  const logged = async (logging: string) => {
    session.lines.splice(0);
    await session.create(LOCAL, "log", { create: "echo out; echo err >&2; printf rest", logging });
    return session.lines.toSorted();
  };
  expect(await logged("stdoutAndStderr")).toEqual(["err", "out", "rest"]);
  expect(await logged("stdout")).toEqual(["out", "rest"]);
  expect(await logged("stderr")).toEqual(["err"]);
  expect(await logged("none")).toEqual([]);
  expect(() => session.checked(LOCAL, "log", { logging: "loud" })).toThrow(
    "logging: must be one of stdout, stderr",
  );
});

test("a line on which the official plugin hangs is an error while logging is on", async () => {
  const long = { create: `head -c ${LONGEST_LOGGED_LINE + 1} /dev/zero | tr '\\0' x` };
  await expect(session.create(LOCAL, "long", long)).rejects.toThrow(
    /the official plugin 1\.2\.1 hangs; set logging: "none"/,
  );
  const quiet = await session.create(LOCAL, "long", { ...long, logging: "none" });
  expect(String(quiet.outputs["stdout"])).toHaveLength(LONGEST_LOGGED_LINE + 1);
});

test("an unsupported input is refused by name", () => {
  expect(() => session.checked(LOCAL, "a", { create: "true", assetPaths: ["*"] })).toThrow(
    "assetPaths: not supported",
  );
});

test("a hundred runs run in parallel", async () => {
  const meeting = join(path, "meeting");
  const waits = `touch ${meeting}-$I; while [ "$(ls ${meeting}-* | wc -l)" -lt 100 ]; do sleep 0.05; done; echo $I`;
  const runs = Array.from({ length: 100 }, (_, index) =>
    session.provider.invoke("command:local:run", {
      command: waits,
      environment: { I: String(index) },
      logging: "none",
    }),
  );
  const results = await Promise.all(runs); // each waits for all others
  expect(results.map(({ outputs }) => outputs["stdout"])).toEqual(results.map((_, index) => String(index)));
}, 60_000);

test("run returns its arguments and outputs; an unknown function is refused by name", async () => {
  const { outputs } = await session.provider.invoke("command:local:run", { command: "echo hi" });
  expect(outputs).toEqual({ command: "echo hi", stdout: "hi", stderr: "" });
  const unknown = session.provider.invoke("command:local:walk", {});
  await expect(unknown).rejects.toThrow(
    'the sandbox plugin "command" has no function command:local:walk; it has command:local:run',
  );
});

test("a cancellation ends the command and its child processes", async () => {
  const own = new Session(command, {});
  const marker = join(path, "child");
  const running = own.create(LOCAL, "long", { create: `sh -c 'echo $$ > ${marker}; exec sleep 600' & wait` });
  while (!existsSync(marker) || readFileSync(marker, "utf8") === "")
    await new Promise((done) => setTimeout(done, 20));
  const child = Number(readFileSync(marker, "utf8"));
  own.cancel.abort(new Error("cancelled"));
  await expect(running).rejects.toThrow("cancelled");
  expect(isRunning(child)).toBe(false);
});
