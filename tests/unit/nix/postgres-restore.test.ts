import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Directories of PostgreSQL's programs in distributions, newest first. */
const places = [
  ...(process.env["PATH"] ?? "").split(":"),
  ...(existsSync("/usr/lib/postgresql")
    ? readdirSync("/usr/lib/postgresql")
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => `/usr/lib/postgresql/${version}/bin`)
    : []),
];
const programs = places.find((place) =>
  ["initdb", "psql", "pg_restore"].every((name) => existsSync(join(place, name))),
);
if (programs === undefined)
  console.warn("no PostgreSQL on this machine: restoring into a real one is not tested");

/** PostgreSQL does not run as root. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

(programs === undefined ? describe.skip : describe)("restoring into a real PostgreSQL", () => {
  let root: string;
  const environment = () => ({
    PATH: `${root}/bin:${programs}:${process.env["PATH"]}`,
    ROOT: root,
    TMPDIR: root,
    PGHOST: root,
    PGUSER: "postgres",
    PGDATABASE: "postgres",
    PANTHEROS_DUMP_DATABASES: "app",
    PANTHEROS_DUMP_TO: "store:bucket/host",
    PANTHEROS_DUMP_ENDPOINT: "https://s3.example.test",
    PANTHEROS_DUMP_REGION: "eu-central-003",
    PANTHEROS_DUMP_KEEP_DAYS: "30",
    PANTHEROS_DUMP_PASSWORD: join(root, "password"),
    PANTHEROS_DUMP_CREDENTIALS: join(root, "credentials"),
  });
  const run = (program: string, args: readonly string[], more: Record<string, string> = {}) => {
    const options = { ...nobody, cwd: root, env: { ...environment(), ...more }, timeout: 120_000 };
    return spawnSync(program, args, { ...options, encoding: "utf8" });
  };
  const well = (program: string, ...args: string[]): string => {
    const { status, stdout, stderr } = run(program, args);
    if (status !== 0) throw new Error(`${program}: ${stderr}`);
    return stdout.trim();
  };
  const sql = (database: string, text: string) => well("psql", "-qAt", "-d", database, "-c", text);
  const script = join(process.cwd(), "nix/modules/services/postgresql/dump.sh");
  const fake = (name: string, body: string) => {
    writeFileSync(join(root, "bin", name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(root, "bin", name), 0o755);
  };

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "pantheros-pg-"));
    mkdirSync(join(root, "bin"));
    // Storage is a directory.
    fake(
      "rclone",
      `here=$(echo "$2 $3" | tr ' ' '\\n' | sed "s|^dumps:|$ROOT/store/|")
set -- "$1" $here
case $1 in
  obscure) sed 's/.*/obscured/' ;;
  copyto) mkdir -p "$(dirname "$3")"; cp "$2" "$3" ;;
  cat) cat "$2" ;;
  lsf) ls "$(eval echo \\$$#)" ;;
esac`,
    );
    writeFileSync(join(root, "password"), "hunter2\n");
    writeFileSync(join(root, "credentials"), "");
    for (const path of ["", "bin", "password", "credentials"]) {
      if (nobody.uid !== undefined) chownSync(join(root, path), nobody.uid, nobody.gid);
    }
    well("initdb", "--pgdata", join(root, "data"), "--username=postgres", "--auth=trust", "--no-sync");
    well(
      "pg_ctl",
      "start",
      "--wait",
      "-D",
      join(root, "data"),
      "-l",
      join(root, "log"),
      "-o",
      `-k ${root} -h '' -F`,
    );
    sql("postgres", "CREATE ROLE app LOGIN");
    sql("postgres", "CREATE DATABASE app OWNER app");
    sql("app", "CREATE TABLE notes AS SELECT 'of the dump' AS text");
    well("sh", script, "dump");
    sql("app", "UPDATE notes SET text = 'of later'");
  }, 120_000);
  afterAll(() => {
    run("pg_ctl", ["stop", "--mode=immediate", "-D", join(root, "data")]);
    rmSync(root, { recursive: true, force: true });
  });

  test("killed at any of its statements, the database exists and accepts connections", () => {
    let killed = 0;
    // Database names contain the second, and runs take less than one here.
    fake("date", `n=$(cat "$ROOT/time" 2>/dev/null || echo 0); echo $((n + 1)) >"$ROOT/time"; echo "at$n"`);
    for (let statement = 1; ; statement++) {
      rmSync(join(root, "count"), { force: true });
      // After the statement, like a power cut: no trap runs.
      fake(
        "psql",
        `n=$(($(cat "$ROOT/count" 2>/dev/null || echo 0) + 1)); echo $n >"$ROOT/count"
"${programs}/psql" "$@"; code=$?
case "$KILL_AT" in $n) kill -9 $PPID ;; esac
exit $code`,
      );
      const { signal, status, stderr } = run("sh", [script, "restore", "app", "--replace"], {
        KILL_AT: String(statement),
      });
      rmSync(join(root, "bin/psql"));
      expect(sql("postgres", "SELECT datname FROM pg_database WHERE NOT datallowconn")).toBe("template0");
      expect(["of the dump", "of later"]).toContain(sql("app", "SELECT text FROM notes"));
      if (signal !== "SIGKILL") {
        expect({ status, stderr }).toMatchObject({ status: 0 });
        break;
      }
      killed++;
    }
    rmSync(join(root, "bin/date"));
    expect(killed).toBe(2);
    expect(sql("app", "SELECT text FROM notes")).toBe("of the dump");
  }, 120_000);

  test("clients that reconnect all the time do not prevent it, and the old database is kept", () => {
    sql("app", "UPDATE notes SET text = 'written since'");
    const busy = spawn(
      "sh",
      ["-c", 'while :; do psql -qAt -d app -c "SELECT pg_sleep(5)" >/dev/null 2>&1; done'],
      { ...nobody, env: environment(), detached: true, stdio: "ignore" },
    );
    try {
      const { status, stderr } = run("sh", [script, "restore", "app", "--replace"]);
      expect({ status, stderr }).toMatchObject({ status: 0 });
    } finally {
      if (busy.pid !== undefined) process.kill(-busy.pid, "SIGKILL");
    }
    expect(sql("app", "SELECT text FROM notes")).toBe("of the dump");
    const before = sql(
      "postgres",
      "SELECT datname FROM pg_database WHERE datname LIKE 'app_before_%' ORDER BY oid DESC LIMIT 1",
    );
    expect(sql(before, "SELECT text FROM notes")).toBe("written since");
  }, 120_000);

  test("the stored roles are returned as SQL", () => {
    const file = join(root, "roles.sql");
    well("sh", script, "globals", file);
    expect(well("cat", file)).toContain("CREATE ROLE app");
    expect(run("sh", [script, "globals", file, "--at", "1999"]).stderr).toContain(
      'no dump of globals at "1999"',
    );
  });
});
