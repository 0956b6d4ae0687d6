import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evaluate } from "./nix.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pantheros-act-"));
  mkdirSync(join(root, "bin"));
  // Prints the unit's state from the test, and logs all other calls.
  writeFileSync(
    join(root, "bin/systemctl"),
    `#!/bin/sh
for unit; do :; done
case "$1" in
  show) cat "$ROOT/unit-$unit" 2>/dev/null ;;
  *) echo "$*" >>"$ROOT/calls" ;;
esac
`,
  );
  chmodSync(join(root, "bin/systemctl"), 0o755);
  writeFileSync(join(root, "table"), `${root}/key a.service b.service\n${root}/token fetch.service\n`);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const unit = (name: string, active: string, condition: "yes" | "no" = "yes", tried = true) =>
  writeFileSync(
    join(root, `unit-${name}`),
    `ActiveState=${active}\nConditionResult=${condition}\nConditionTimestampMonotonic=${tried ? 5000 : 0}\n`,
  );
const secret = (name: string, content: string) => writeFileSync(join(root, name), content);

/** The logged calls of systemctl. */
function act(...shell: string[]): string[] {
  rmSync(join(root, "calls"), { force: true });
  const [program = "sh", ...args] = shell;
  const { status, stderr } = spawnSync(program, [...args, "nix/modules/secrets/act.sh"], {
    env: {
      PATH: `${root}/bin:${process.env["PATH"]}`,
      ROOT: root,
      PANTHEROS_SECRETS_TABLE: join(root, "table"),
      PANTHEROS_SECRETS_STATE: join(root, "state"),
    },
    encoding: "utf8",
    timeout: 30_000,
  });
  if (status !== 0) throw new Error(stderr);
  return existsSync(join(root, "calls")) ? readFileSync(join(root, "calls"), "utf8").trim().split("\n") : [];
}
const restarts = (calls: readonly string[]) =>
  calls.flatMap((call) => /^--no-block (?:re)?start (\S+)/.exec(call)?.[1] ?? []);

test.each([["sh"], ["dash"], ["busybox", "sh"]])(
  "under %s: only who reads what changed starts again",
  (...shell) => {
    for (const name of ["a.service", "b.service", "fetch.service"]) unit(name, "active");
    secret("key", "one");
    secret("token", "one");
    expect(act(...shell)).toEqual([]);
    expect(act(...shell)).toEqual([]);
    secret("token", "two");
    expect(restarts(act(...shell))).toEqual(["fetch.service"]);
    secret("key", "two");
    expect(restarts(act(...shell))).toEqual(["a.service", "b.service"]);
    // Rewritten with the same content, as at every fetch.
    secret("key", "two");
    expect(act(...shell)).toEqual([]);
  },
);

test("a token that arrives after boot restarts the fetcher", () => {
  expect(act()).toEqual([]);
  unit("fetch.service", "active");
  secret("token", "one");
  expect(restarts(act())).toEqual(["fetch.service"]);
});

test("a unit that was skipped without its file, or failed with an older one, starts; a stopped one does not", () => {
  expect(act()).toEqual([]);
  unit("a.service", "inactive", "no");
  unit("b.service", "inactive");
  secret("key", "one");
  expect(restarts(act())).toEqual(["a.service"]);
  unit("a.service", "inactive", "no", false);
  unit("b.service", "failed");
  secret("key", "two");
  const calls = act();
  expect(restarts(calls)).toEqual(["b.service"]);
  expect(calls).toContain("reset-failed b.service");
});

test("a file that was deleted and restored unchanged starts units that were skipped meanwhile", () => {
  secret("key", "one");
  act();
  unit("a.service", "inactive", "no");
  expect(restarts(act())).toEqual(["a.service"]);
});

test("only root can read the sums of secrets, and none is printed", () => {
  secret("key", "one");
  act();
  expect(
    spawnSync("stat", ["-c", "%a", join(root, "state"), join(root, "state/sums")]).stdout.toString(),
  ).toBe("700\n600\n");
});

const unitsFor = (fetcher: string) =>
  evaluate(`
    (import (nix + "/lib/secrets.nix")).unitsFor {
      secrets = [
        { path = "/run/secrets/key"; services = ["a" "b.service"]; }
        { path = "/run/secrets/other"; services = ["a"]; }
        { path = "/run/secrets/unread"; services = []; }
      ];
      fetcher = ${fetcher};
      program = "act";
    }`) as {
    table: string;
    readers: Record<string, { ConditionPathExists: string[]; After: string[]; Wants: string[] }>;
    path: { Path: { PathChanged: string[] } };
    service: { Unit: { Before?: string[] } };
  };

test("a unit waits for all its files and for their fetcher; a changed token starts the fetcher", () => {
  const units = unitsFor('{ unit = "fetch.service"; token = "/token"; }');
  expect(units.readers["a.service"]).toEqual({
    ConditionPathExists: ["/run/secrets/key", "/run/secrets/other"],
    After: ["fetch.service"],
    Wants: ["fetch.service"],
  });
  expect(units.readers["b.service"]?.ConditionPathExists).toEqual(["/run/secrets/key"]);
  expect(units.table).toBe(
    "/run/secrets/key a.service b.service\n/run/secrets/other a.service\n/token fetch.service\n",
  );
  expect(units.path.Path.PathChanged).toEqual(["/run/secrets/key", "/run/secrets/other", "/token"]);
  expect(units.service.Unit.Before).toEqual(["fetch.service", "a.service", "b.service"]);
});

test("without a fetcher a unit waits only for its files", () => {
  const units = unitsFor("null");
  expect(units.readers["a.service"]?.After).toEqual([]);
  expect(units.table).not.toContain("token");
});
