import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Fakes of the programs that the script runs: storage is a directory, a dump is a line of text. */
const fakes = {
  // Programs run as the caller, whether that is root or not.
  setpriv: 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
  chown: "exit 0",
  pg_dumpall: "echo roles",
  pg_dump: `for a; do case $a in --file=*) f=\${a#--file=} ;; --dbname=*) d=\${a#--dbname=} ;; esac; done; cat "$ROOT/db-$d" >"$f"`,
  pg_restore:
    'for a; do l=$a; done; grep -q "^good" "$l" || exit 1; case " $* " in *" --list "*) echo "1; table" ;; *--dbname=*) cp "$l" "$ROOT/restored" ;; esac',
  psql: "exit 0",
  rclone: `echo "region $RCLONE_CONFIG_STORE_REGION" >>"$ROOT/calls"
here=$(echo "$2 $3" | tr ' ' '\\n' | sed "s|^dumps:|$ROOT/store/|")
set -- "$1" $here
case $1 in
  obscure) sed 's/.*/obscured/' ;;
  copyto) mkdir -p "$(dirname "$3")"; cp "$2" "$3" ;;
  cat) cat "$2"; [ ! -e "$ROOT/corrupts" ] || echo noise ;;
  lsf) ls "$(eval echo \\$$#)" ;;
  delete) ;;
esac`,
};

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pantheros-dump-"));
  for (const directory of ["bin", "metrics", "tmp"]) mkdirSync(join(root, directory));
  for (const [name, body] of Object.entries(fakes)) {
    const file = join(root, "bin", name);
    writeFileSync(file, `#!/bin/sh\necho "${name} $*" >>"$ROOT/calls"\n${body}\n`);
    chmodSync(file, 0o755);
  }
  writeFileSync(join(root, "password"), "hunter2\n");
  writeFileSync(join(root, "credentials"), "AWS_SECRET_ACCESS_KEY=swordfish\n");
  for (const name of ["app", "wiki"]) writeFileSync(join(root, `db-${name}`), `good ${name}\n`);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function run(...args: string[]) {
  const { status, stdout, stderr, error } = spawnSync(
    "sh",
    ["nix/modules/services/postgresql/dump.sh", ...args],
    {
      env: {
        PATH: `${root}/bin:${process.env["PATH"]}`,
        ROOT: root,
        TMPDIR: join(root, "tmp"),
        PANTHEROS_DUMP_DATABASES: "app wiki",
        PANTHEROS_DUMP_TO: "store:bucket/host",
        PANTHEROS_DUMP_ENDPOINT: "https://s3.example.test",
        PANTHEROS_DUMP_REGION: "eu-central-003",
        PANTHEROS_DUMP_KEEP_DAYS: "30",
        PANTHEROS_DUMP_PASSWORD: join(root, "password"),
        PANTHEROS_DUMP_CREDENTIALS: join(root, "credentials"),
        PANTHEROS_DUMP_METRICS: join(root, "metrics"),
      },
      encoding: "utf8",
      timeout: 60_000,
    },
  );
  if (error !== undefined) throw error;
  const calls = existsSync(join(root, "calls")) ? readFileSync(join(root, "calls"), "utf8") : "";
  return { status, stdout, stderr, calls };
}
const stored = (name: string): string[] =>
  existsSync(join(root, "store", name)) ? readdirSync(join(root, "store", name)) : [];

test("every database is dumped and stored, and the time is written for Prometheus", () => {
  const { status, stderr } = run("dump");
  expect({ status, stderr }).toEqual({
    status: 0,
    stderr: expect.stringContaining("app: 9 bytes, checked and stored"),
  });
  expect([stored("app").length, stored("wiki").length, stored("globals").length]).toEqual([1, 1, 1]);
  expect(readFileSync(join(root, "metrics/postgres-dump.prom"), "utf8")).toMatch(
    /^pantheros_postgres_dump_success_seconds \d+$/m,
  );
  expect(readdirSync(join(root, "tmp"))).toEqual([]);
});

test("requests are signed for the bucket's region", () => {
  const { calls } = run("dump");
  const regions = calls.split("\n").filter((line) => line.startsWith("region "));
  expect(regions.length).toBeGreaterThan(5);
  expect(new Set(regions)).toEqual(new Set(["region eu-central-003"]));
});

test("neither password nor key is in any program's arguments", () => {
  const { calls } = run("dump");
  expect(calls).toContain("rclone copyto");
  expect(calls).not.toMatch(/hunter2|swordfish|obscured/);
});

test("a dump that can't be read back is not stored, and no success is written", () => {
  writeFileSync(join(root, "db-app"), "bad\n");
  const { status, stderr } = run("dump");
  expect(status).toBe(1);
  expect(stderr).toContain("the dump of app can't be read back");
  expect(stored("app")).toEqual([]);
  expect(readdirSync(join(root, "metrics"))).toEqual([]);
});

test("an object that differs from the dump is a failure", () => {
  writeFileSync(join(root, "corrupts"), "");
  const { status, stderr } = run("dump");
  expect(status).toBe(1);
  expect(stderr).toContain("differs from the dump");
  expect(readdirSync(join(root, "metrics"))).toEqual([]);
});

describe("with stored dumps", () => {
  beforeEach(() => {
    mkdirSync(join(root, "store/app"), { recursive: true });
    writeFileSync(join(root, "store/app/20260101T000000Z.dump"), "good old\n");
    writeFileSync(join(root, "store/app/20260202T000000Z.dump"), "good new\n");
  });

  test("they are listed, oldest first", () => {
    expect(run("list", "app").stdout).toBe("app 20260101T000000Z\napp 20260202T000000Z\n");
  });

  test("the latest is restored next to the database, which stays unchanged", () => {
    const { status, calls } = run("restore", "app");
    expect(status).toBe(0);
    expect(readFileSync(join(root, "restored"), "utf8")).toBe("good new\n");
    expect(calls).toMatch(/CREATE DATABASE "app_restored_\w+" OWNER "app"/);
    expect(calls).not.toMatch(/RENAME|DROP|ALLOW_CONNECTIONS/);
  });

  test("--replace swaps names in one transaction and keeps the old database", () => {
    const { calls } = run("restore", "app", "--at", "20260101T000000Z", "--replace");
    expect(readFileSync(join(root, "restored"), "utf8")).toBe("good old\n");
    expect(calls).toMatch(
      /BEGIN; ALTER DATABASE "app" RENAME TO "app_before_\w+"; ALTER DATABASE "app_restored_\w+" RENAME TO "app"; COMMIT/,
    );
    expect(calls).not.toContain("DROP");
  });

  test("a damaged one changes no database", () => {
    writeFileSync(join(root, "store/app/20260303T000000Z.dump"), "bad\n");
    const { status, stderr, calls } = run("restore", "app", "--replace");
    expect(status).toBe(1);
    expect(stderr).toContain("try an earlier one");
    expect(calls).not.toContain("psql");
  });

  test.each([
    [["restore", "cooks"], 1, 'database "cooks" is not dumped on this host; use one of: app wiki'],
    [["restore", "app", "--at", "1999"], 1, 'no dump of app at "1999"'],
    [["restore", "wiki"], 1, "no dump of wiki"],
    [["fetch", "app"], 2, "usage:"],
    [["restore", "app", "--force"], 2, "usage:"],
    [["explode"], 2, "usage:"],
  ])("%p is refused", (args, code, message) => {
    const { status, stderr, calls } = run(...args);
    expect([status, stderr.includes(message)]).toEqual([code, true]);
    expect(calls).not.toContain("psql");
  });
});

test("without its password the error names the file and the secret", () => {
  rmSync(join(root, "password"));
  const { status, stderr } = run("dump");
  expect([status, stderr]).toEqual([1, expect.stringContaining("has the secret backup-password arrived?")]);
});
