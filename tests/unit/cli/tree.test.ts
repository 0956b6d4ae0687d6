/** What is made from the tree of commands: help, the manual page, completion. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type CandidateSources, candidates, repositorySources } from "../../../cli/completion/complete.ts";
import { completionScript } from "../../../cli/completion/scripts.ts";
import { SHELLS } from "../../../cli/completion/shells.ts";
import { helpFile, helpTexts } from "../../../cli/manual/help.ts";
import { manualPage } from "../../../cli/manual/page.ts";
import { createProgram, visibleCommands } from "../../../cli/program.ts";

const root = process.cwd();
const nodeFirst = `${path.dirname(process.execPath)}:${process.env["PATH"]}`;
const call = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync("tools/pantheros", args, {
    encoding: "utf8",
    env: { PATH: nodeFirst, HOME: scratch, PANTHEROS_PULUMI: "registry", ...env },
  });
let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(path.join(tmpdir(), "pantheros-cli-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const all = visibleCommands(createProgram());
const names = all.map((each) => each.names.join(" "));

test("the commands", () => {
  expect(names).toEqual([
    "",
    "init",
    "doctor",
    "status",
    "watch",
    "why",
    "diff",
    "logs",
    "exec",
    "budgets",
    "preview",
    "up",
    "policy",
    "changed-hosts",
    "comment",
    "report",
    "rollback",
    "approve",
    "recover",
    ...["runs", "centre"],
    ...["audit", "audit verify"],
    ...["sandbox", "sandbox up", "sandbox down", "sandbox status", "sandbox exec", "sandbox ssh"],
    ...["sandbox shell", "sandbox join", "sandbox machine", "sandbox logs"],
    "rehearse",
    "completion",
  ]);
});

test("cli/help.txt and the manual page are those of the tree; make docs writes them", () => {
  expect(readFileSync("cli/help.txt", "utf8")).toBe(helpFile());
  expect(readFileSync("docs/pantheros.1", "utf8")).toBe(manualPage());
});

test("no line of the help is longer than 100 characters", () => {
  expect(
    helpFile()
      .split("\n")
      .filter((line) => line.length > 100),
  ).toEqual([]);
});

test("every command with a table or figures prints JSON too", () => {
  const json = all.filter(({ command }) => command.options.some(({ long }) => long === "--json"));
  const names = json.map((each) => each.names.join(" "));
  expect(names).toEqual([
    "init",
    "doctor",
    "status",
    "watch",
    "why",
    "diff",
    "logs",
    "exec",
    "budgets",
    "preview",
    "policy",
    "changed-hosts",
    "report",
    "approve",
    ...["runs", "audit", "audit verify"],
    "sandbox status",
    "rehearse",
  ]);
});

describe("--help", () => {
  test.each(names.slice(0, 4).concat("sandbox machine"))("%s: on standard output, exit code 0", (name) => {
    const { status, stdout, stderr } = call([...name.split(" ").filter(Boolean), "--help"]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n")[0]).toBe(helpTexts().get(name)?.split("\n")[0]);
  });

  /** A checkout without node_modules. */
  const bare = (...args: string[]) => {
    const checkout = mkdtempSync(path.join(scratch, "bare-"));
    for (const name of ["tools", "cli", "package.json"])
      symlinkSync(path.join(root, name), path.join(checkout, name));
    // A symbolic link would lead back to the checkout with node_modules.
    rmSync(path.join(checkout, "tools"));
    spawnSync("cp", ["-R", path.join(root, "tools"), checkout]);
    return spawnSync(path.join(checkout, "tools/pantheros"), args, {
      encoding: "utf8",
      env: { PATH: nodeFirst, HOME: scratch, PANTHEROS_PULUMI: "registry" },
    });
  };

  test("before set-up: the same text", () => {
    for (const [name, text] of [...helpTexts()].filter((_, at) => at % 3 === 0)) {
      const words = name.split(" ").filter(Boolean);
      expect(bare(...words, "--help")).toMatchObject({ status: 0, stdout: text, stderr: "" });
    }
    expect(bare("help", "sandbox", "up").stdout).toBe(helpTexts().get("sandbox up"));
    expect(bare().stdout).toBe(helpTexts().get(""));
  });

  test("before set-up every other command names make setup", () => {
    expect(bare("status")).toMatchObject({
      status: 1,
      stdout: "",
      stderr: "tools/pantheros: Node or its packages are not installed: run make setup\n",
    });
    expect(bare("__complete", "")).toMatchObject({ status: 0, stdout: "", stderr: "" });
  });
});

test("an invalid command line ends with 2, and the nearest command is named", () => {
  expect(call(["stats"])).toMatchObject({
    status: 2,
    stdout: "",
    stderr: expect.stringContaining("Did you mean status?"),
  });
  expect(call(["rollback", "--wave", "one", "--stack", "production"])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("a whole number from 1 to 99"),
  });
  expect(call(["completion", "csh"])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("bash, zsh, fish"),
  });
  expect(call([])).toMatchObject({ status: 2 });
});

test("the command works through a symbolic link, as npm makes one", () => {
  const link = path.join(scratch, "pantheros");
  symlinkSync(path.join(root, "tools/pantheros"), link);
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  const env = { PATH: nodeFirst, HOME: scratch, PANTHEROS_PULUMI: "registry" };
  expect(spawnSync(link, ["--version"], { cwd: scratch, encoding: "utf8", env }).stdout).toBe(`${version}\n`);
});

describe("completion", () => {
  const values: CandidateSources = {
    stacks: () => ["production", "sandbox"],
    hosts: async (stack) => ({
      names: ["db", "web"],
      labels: ["server", ...(stack === undefined ? [] : [stack])],
    }),
  };
  const complete = async (line: string) =>
    (await candidates(createProgram(), line.split(" "), values)).map(({ value }) => value);

  test.each<[string, string[]]>([
    ["s", ["status", "sandbox"]],
    ["rehearse d", ["database", "disaster"]],
    ["sandbox s", ["status", "ssh", "shell"]],
    ["status --n", ["--no-ask"]],
    ["status --stack ", ["production", "sandbox"]],
    ["status --stack=p", ["--stack=production"]],
    ["status --on ", ["db", "web", "@server"]],
    ["status --on db,@", ["db,@server"]],
    ["status --on=web,d", ["--on=web,db"]],
    ["status --stack production --on @", ["@server", "@production"]],
    ["rollback ", ["db", "web"]],
    ["why w", ["web"]],
    ["diff w", ["web"]],
    ["diff web p", ["previous", "pinned"]],
    ["logs web ", []],
    ["exec --on @", ["@server"]],
    ["rollback db ", ["web"]],
    ["rollback --wave ", []],
    ["sandbox machine ", ["start", "stop", "cut", "reboot", "unplug", "slow", "plug", "fill", "free"]],
    ["sandbox machine stop ", ["db", "web"]],
    ["sandbox ssh web ", []],
    ["completion ", ["bash", "zsh", "fish"]],
    ["nonsense ", []],
    ["__c", []],
  ])("%j", async (line, expected) => expect(await complete(line)).toEqual(expected));

  test("options and commands have their descriptions", async () => {
    expect(await candidates(createProgram(), ["statu"], values)).toEqual([
      { value: "status", description: expect.stringContaining("what each host") },
    ]);
  });

  test("hosts, tags and stacks are the repository's", async () => {
    const before = process.cwd();
    const { names: hosts, labels } = await repositorySources(root).hosts("sandbox");
    process.chdir(before);
    expect(hosts).toEqual(["db", "legacy", "web"]);
    expect(labels).toEqual(["server", "wave1"]);
    expect(repositorySources(root).stacks()).toContain("production");
  });

  test("a configuration that cannot be read prints no error", () => {
    const { status, stdout, stderr } = call(["__complete", "rollback", ""], { PANTHEROS_FLEET: "/nowhere" });
    expect([status, stdout, stderr]).toEqual([0, "", ""]);
  });

  test.each(SHELLS)("%s: the script asks the command that is typed", (shell) => {
    const { status, stdout } = call(["completion", shell]);
    expect(status).toBe(0);
    expect(stdout).toBe(completionScript(shell));
    expect(stdout).toContain("__complete");
  });

  test.each<[string, string[]]>([
    ["tools/pantheros sandbox s", ["status", "ssh", "shell"]],
    ["tools/pantheros status --stack=produ", ["production"]],
    ["tools/pantheros rollback ", ["db", "legacy", "web"]],
  ])("bash completes %j", (line, expected) => {
    const script = path.join(scratch, "completion.bash");
    writeFileSync(script, completionScript("bash"));
    const body = `. "$1"; COMP_LINE=$2 COMP_POINT=\${#2}; _pantheros; printf '%s\n' "\${COMPREPLY[@]}"`;
    const { stdout } = spawnSync("bash", ["--norc", "-c", body, "bash", script, line], {
      encoding: "utf8",
      env: { PATH: nodeFirst, HOME: scratch, PANTHEROS_PULUMI: "registry" },
    });
    expect(stdout.split("\n").filter(Boolean)).toEqual(expected);
  });
});
