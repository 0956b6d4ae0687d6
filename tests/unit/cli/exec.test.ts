/** `tools/pantheros exec`: quoting, prefixes, the summary, and the command as a whole. */
import { execResult } from "../../../cli/exec/exec.ts";
import { cleanText, type ExecResult, execSummary, prefixed } from "../../../cli/exec/report.ts";
import { broken, hung, ok, printed } from "../deployer/fixtures.ts";
import { FleetOnDisk } from "./fleet-on-disk.ts";

const ended = (name: string, more: Partial<ExecResult> = {}): ExecResult => ({
  ...{ name, exitCode: 0, timedOut: false, stdout: "", stderr: "" },
  ...more,
});

describe("text of hosts", () => {
  test("each line is behind its host's name, and none looks like one of this program", () => {
    expect(prefixed("db", cleanText("a\n\n::error::b\nc"), 6)).toBe(
      "db     | a\ndb     | \ndb     | | ::error::b\ndb     | c\n",
    );
    expect(prefixed("db", cleanText(""), 6)).toBe("");
  });

  test("control characters are removed, and long lines are cut", () => {
    expect(cleanText(`\u001b]0;title\u0007a\u202eb\r\n${"x".repeat(1_000_000)}`)).toBe(
      `ab\n${"x".repeat(4000)}\n`,
    );
  });
});

test("the summary counts each kind of end", () => {
  const results = [
    ended("db", { exitCode: 4 }),
    ended("web"),
    ended("old", { exitCode: null, problem: "Connection refused" }),
    ended("slow", { exitCode: null, timedOut: true }),
    ended("cache"),
  ];
  expect(execSummary(results)).toBe("5 hosts: 2 ok, 1 exit 4 (db), 1 not run (old), 1 timed out (slow)");
});

test("ssh's own failure is not the command's exit code 255", () => {
  const refused = broken("ssh: connect to host 203.0.113.10 port 22: Connection refused", 255);
  expect(execResult("web", refused)).toMatchObject({
    exitCode: null,
    problem: expect.stringContaining("Connection refused"),
  });
  expect(execResult("web", printed({}, 255))).toMatchObject({ exitCode: 255 });
  expect(execResult("web", ok("x\n"))).toEqual(ended("web", { stdout: "x\n" }));
  expect(execResult("web", hung)).toMatchObject({ exitCode: null, timedOut: true });
});

describe("the command", () => {
  let fleet: FleetOnDisk;
  beforeEach(() => {
    fleet = new FleetOnDisk("exec");
    // The last argument of ssh is the text for the host's shell.
    fleet.ssh(`case "$*" in *legacy*) echo 'ssh: connect to host x port 22: Connection refused' >&2; exit 255 ;; esac
for text; do :; done; sh -c "$text"`);
  });
  afterEach(() => fleet.remove());

  test("words arrive as they were given", () => {
    const hostile = ["$HOME", "a b", "'", ";id", "*", "\\", "--on", ""];
    const { code, stdout } = fleet.call("exec", "--on", "web", "--", "printf", "<%s>\\n", ...hostile);
    expect(stdout).toBe(hostile.map((word) => `web | <${word}>\n`).join(""));
    expect(code).toBe(0);
  });

  test("options after the command belong to the command", () => {
    expect(fleet.call("exec", "--on", "web", "--", "echo", "--json").stdout).toBe("web | --json\n");
  });

  test("several hosts: prefixes, a summary, exit code 1 when one has failed", () => {
    const { code, stdout, stderr } = fleet.call("exec", "--user", "me", "--", "echo", "hi");
    expect(stdout.split("\n").filter(Boolean).sort()).toEqual(["db     | hi", "web    | hi"]);
    expect(stderr).toContain(
      "legacy | not run: ssh: connect to host x port 22: Connection refused; the host",
    );
    expect(stderr).toMatch(/3 hosts: 2 ok, 1 not run \(legacy\)\n$/);
    expect(code).toBe(1);
    for (const line of fleet.own.logged()) expect(line).toContain("User=me ");
  });

  test("with one host the exit code is the command's", () => {
    expect(fleet.call("exec", "--on", "web", "--", "sh", "-c", "exit 7")).toMatchObject({
      code: 7,
      stderr: "",
    });
  });

  test("the deploy key is not used, unless --key names it", () => {
    const env = { PANTHEROS_SSH_KEY: "/keys/deploy" };
    fleet.variables(env);
    fleet.call("exec", "--on", "web", "--", "true");
    fleet.call("exec", "--on", "web", "--key", "/keys/deploy", "--", "true");
    const [without = "", named = ""] = fleet.own.logged();
    expect(without).not.toContain("IdentityFile");
    expect(named).toContain("IdentityFile=/keys/deploy ");
  });

  test("--timeout ends a command, which fails", () => {
    const { code, stderr } = fleet.call("exec", "--on", "web", "--timeout", "1", "--", "sleep", "60");
    expect(stderr).toContain("web | ended after 1 s\n");
    expect(code).toBe(1);
  });

  test("--json has each host's streams and exit code", () => {
    const { code, stdout } = fleet.call(
      "exec",
      "--json",
      "--on",
      "db,legacy",
      "--",
      "sh",
      "-c",
      "echo a; exit 3",
    );
    expect(JSON.parse(stdout)).toEqual({
      schemaVersion: 1,
      stack: "dev",
      command: ["sh", "-c", "echo a; exit 3"],
      hosts: [
        { name: "db", exitCode: 3, timedOut: false, stdout: "a\n", stderr: "" },
        expect.objectContaining({ name: "legacy", exitCode: null, problem: expect.any(String) }),
      ],
    });
    expect(code).toBe(1);
  });

  test("without a command nothing is done, exit code 2", () => {
    expect(fleet.call("exec", "--on", "web")).toMatchObject({ code: 2, stdout: "", asked: [] });
  });
});
