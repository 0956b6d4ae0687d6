/** `tools/pantheros logs`: journalctl's words, its answer as text, and the login. */
import { isRestricted, journalLines, journalWords } from "../../../cli/logs/journal.ts";
import { loginOf } from "../../../cli/stack/login.ts";
import { FleetOnDisk } from "./fleet-on-disk.ts";

const words = (more: Partial<Parameters<typeof journalWords>[0]>) =>
  journalWords({ lines: 100, ...more }).slice(3);

test.each<[Parameters<typeof words>[0], string[]]>([
  [{}, ["--lines=100"]],
  [{ unit: "nginx" }, ["--lines=100", "--unit=nginx"]],
  [{ unit: "dev-disk-by\\x2dlabel.swap" }, ["--lines=100", "--unit=dev-disk-by\\x2dlabel.swap"]],
  [{ since: "30m", lines: 5 }, ["--lines=5", "--since=-30m"]],
  [{ since: "2026-01-31 12:00" }, ["--lines=100", "--since=2026-01-31 12:00"]],
])("words of %j", (query, expected) => expect(words(query)).toEqual(expected));

test.each(["-rf", "a b", "a;b", "$(id)", "x".repeat(256), ""])("%j is not the name of a unit", (unit) =>
  expect(() => words({ unit })).toThrow("is not the name of a unit"),
);

test("lines have no control characters and are cut", () => {
  const long = "x".repeat(10_000_000);
  const text = `-- No entries --\n2026 web a[1]: \u001b[2Jred\u0007\n\u202eabc\r\n${long}\n`;
  expect(journalLines(text)).toEqual(["2026 web a[1]: red", "abc", "x".repeat(2000)]);
});

test("a journal of other accounts that is hidden is found in journalctl's remark", () => {
  expect(isRestricted("Hint: You are currently not seeing messages from other users and the system.")).toBe(
    true,
  );
  expect(isRestricted("Failed to add match")).toBe(false);
});

test("the login is never the deploy key's", () => {
  const env = { PANTHEROS_SSH_KEY: "/keys/deploy" };
  expect(loginOf({}, env).identity).toBeUndefined();
  expect(loginOf({ user: "me", key: "/keys/me" }, env)).toEqual({ user: "me", identity: "/keys/me" });
  expect(loginOf({}, { ...env, PANTHEROS_LOGIN_USER: "x", PANTHEROS_LOGIN_KEY: "/k" })).toEqual({
    user: "x",
    identity: "/k",
  });
});

describe("the command", () => {
  let fleet: FleetOnDisk;
  beforeEach(() => {
    fleet = new FleetOnDisk("logs");
    fleet.ssh(`case "$*" in
*legacy*) echo 'me@198.51.100.20: Permission denied (publickey).' >&2; exit 255 ;;
*db*) echo 'Hint: You are currently not seeing messages from other users and the system.' >&2 ;;
*) printf 'one\\n\\033[31mtwo\\n' ;;
esac`);
  });
  afterEach(() => fleet.remove());

  test("prints text and passes the unit as one word", () => {
    const { code, stdout, stderr, asked } = fleet.call(
      "logs",
      "web",
      "nginx",
      "--user",
      "me",
      "--since",
      "1h",
    );
    expect([code, stdout, stderr, asked]).toEqual([0, "one\ntwo\n", "", ["web"]]);
    const [line = ""] = fleet.own.logged();
    expect(line).toContain("User=me ");
    expect(line).toContain("journalctl --no-pager --output=short-iso --lines=100 --unit=nginx --since=-1h");
  });

  test("--json has the same lines", () => {
    const { stdout } = fleet.call("logs", "web", "--json");
    expect(JSON.parse(stdout)).toEqual({ schemaVersion: 1, host: "web", lines: ["one", "two"] });
  });

  test("a refused login: account, key and remedy; exit code 1", () => {
    const { code, stdout, stderr } = fleet.call("logs", "legacy", "--user", "me", "--key", "/keys/me");
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("Permission denied (publickey). (as me with /keys/me)");
    expect(stderr).toContain("`authorized_keys` of the user in the inventory");
  });

  test("an account that may not read the journal: its role needs a group; exit code 1", () => {
    const { code, stderr } = fleet.call("logs", "db", "--user", "me");
    expect(code).toBe(1);
    expect(stderr).toContain("me sees only its own messages; its role needs the group systemd-journal");
  });
});
