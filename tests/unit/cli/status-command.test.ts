/** `tools/pantheros status` as a whole: a state in files, and an ssh that answers. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { oldSystem } from "../deployer/fixtures.ts";
import { FleetOnDisk } from "./fleet-on-disk.ts";

let fleet: FleetOnDisk;
beforeEach(() => {
  fleet = new FleetOnDisk("status");
});
afterEach(() => fleet.remove());

const call = (...args: string[]) => fleet.call("status", ...args);

test("the last run's outputs and the hosts' answers, the worst host first, without the Pulumi CLI", () => {
  const { code, stdout, stderr, programs } = call();
  expect(stderr).toBe("");
  const lines = stdout.trimEnd().split("\n");
  expect(lines[0]).toBe("dev (environment sandbox): 3 hosts: 1 unreachable, 2 ok");
  expect(lines.slice(3).map((line) => line.split(/\s+/).slice(0, 3))).toEqual([
    ["legacy", "1", "unreachable"],
    ["db", "1", "ok"],
    ["web", "1", "ok"],
  ]);
  expect(code).toBe(3);
  expect(programs).toEqual(["ssh", "ssh", "ssh"]);
});

describe("Pulumi's SDK is not loaded", () => {
  const node = (...program: string[]) => {
    const hook = path.join(fleet.own.directory, "hook.mjs");
    writeFileSync(
      hook,
      `import { registerHooks } from "node:module";
registerHooks({ resolve(name, context, next) {
  if (/^@(pulumi|1password)\\//.test(name)) throw new Error("loads " + name);
  return next(name, context);
} });`,
    );
    return spawnSync(process.execPath, [`--import=${hook}`, ...program], {
      encoding: "utf8",
      env: fleet.environment(),
    });
  };

  test.each([
    ["status", ["--no-ask"], 0],
    ["why", ["web", "--no-ask"], 0],
    ["diff", ["web"], 0],
    ["logs", ["web"], 0],
    ["exec", ["--on", "web", "--", "true"], 0],
    ["watch", ["--no-ask", "--count", "1"], 0],
    ["budgets", [], 0],
    ["runs", [], 0],
    // No control centre has run there.
    ["audit", ["--state-directory", "/nowhere"], 1],
  ])("%s", (command, words, code) => {
    const found = node("cli/main.ts", command, ...fleet.stackOptions(), ...words);
    expect(found.stderr).not.toContain("loads @");
    expect(found.status).toBe(code);
  });

  test("an import of it is found", () => {
    expect(node("--input-type=module", "--eval", 'import "@pulumi/pulumi"').stderr).toContain(
      "loads @pulumi",
    );
  });
});

test("--json has the same", () => {
  const { code, stdout } = call("--json");
  expect(code).toBe(3);
  expect(JSON.parse(stdout)).toMatchObject({
    schemaVersion: 1,
    stack: "dev",
    environment: "sandbox",
    asked: true,
    hosts: [
      { name: "legacy", state: "unreachable", reachable: false, running: oldSystem },
      { name: "db", state: "ok", reachable: true, confirmed: true, wanted: oldSystem },
      { name: "web", state: "ok" },
    ],
  });
});

test.each<[string, string[]]>([
  ["web", ["web"]],
  ["@server", ["db", "legacy", "web"]],
  ["w*,db", ["db", "web"]],
])("--on %s asks only these hosts", (selection, expected) => {
  const { asked, stdout } = call("--on", selection, "--json");
  expect(asked).toEqual(expected);
  const names = (JSON.parse(stdout) as { hosts: { name: string }[] }).hosts.map(({ name }) => name);
  expect(names.sort()).toEqual(expected);
});

test("--on with an unknown name: the nearest one, exit code 1, and nothing is asked", () => {
  expect(call("--on", "wep")).toMatchObject({
    code: 1,
    stdout: "",
    stderr: 'pantheros: unknown host "wep"; did you mean "web"? Hosts are db, legacy, web\n',
    asked: [],
  });
});

test("--no-ask connects to no host", () => {
  const { code, stdout, asked } = call("--no-ask");
  expect([code, asked]).toEqual([0, []]);
  expect(stdout).toContain("3 hosts: 3 ok; as of the last run, hosts were not asked");
});
