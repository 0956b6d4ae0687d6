import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evaluate } from "./nix.ts";

const set = (module: string, config: string, wanted: string): unknown =>
  evaluate(`let set = import (nix + "/../tests/unit/nix/one-module.nix") {
    inherit nix;
    module = nix + "/modules/development/${module}";
    config = ${config};
  }; in ${wanted}`);

const refused = (config: string) =>
  set(
    "services.nix",
    config,
    "map (each: each.message) (builtins.filter (each: !each.assertion) (set.assertions or []))",
  );

describe("databases for projects", () => {
  const config = (postgresql: boolean, redis: boolean, more = "", people = "me = {};") => `{
    pantheros.development.services = { postgresql.enable = ${postgresql}; redis = { enable = ${redis}; port = 6379; }; };
    pantheros.users = { ${people} };
    pantheros.services.postgresql.enable = false;
    ${more}
  }`;

  test("are off unless the host turns them on", () => {
    expect(set("services.nix", config(false, false), "set")).toEqual({});
  });

  test("are reachable from this machine only, and a person is not their superuser", () => {
    expect(set("services.nix", config(true, true), "set.services")).toEqual({
      postgresql: {
        enable: true,
        enableTCPIP: false,
        ensureUsers: [{ name: "me", ensureClauses: { createdb: true, login: true } }],
      },
      redis: { servers: { development: { enable: true, bind: "127.0.0.1", port: 6379, save: [] } } },
    });
    expect(refused(config(true, true))).toEqual([]);
  });

  test("are refused beside the databases of services, and without a person", () => {
    const shared = config(true, false).replace("postgresql.enable = false", "postgresql.enable = true");
    expect(refused(shared)).toEqual([expect.stringContaining("nix develop ./nix#services")]);
    expect(refused(config(true, false, "", ""))).toEqual([expect.stringContaining("[users] in fleet.toml")]);
  });
});

test("development containers run in Podman, whose alias their command line starts", () => {
  const found = (compose: boolean) =>
    set(
      "containers.nix",
      `{ pantheros = { development.containers.enable = true; podman.compose = ${compose}; }; }`,
      "[ set.pantheros.podman.enable (map (each: each.message) (builtins.filter (each: !each.assertion) set.assertions)) ]",
    );
  expect(found(true)).toEqual([true, []]);
  expect(found(false)).toEqual([true, [expect.stringContaining("set pantheros.podman.compose")]]);
});

describe("the hook of new clones", () => {
  let root: string;
  const hook = join(process.cwd(), "nix/pkgs/check-hook/pre-commit.sh");
  const git = (...args: readonly string[]) =>
    spawnSync("git", args, {
      cwd: join(root, "clone"),
      encoding: "utf8",
      env: {
        PATH: process.env["PATH"],
        HOME: root,
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_AUTHOR_NAME: "person",
        GIT_AUTHOR_EMAIL: "person@example.test",
        GIT_COMMITTER_NAME: "person",
        GIT_COMMITTER_EMAIL: "person@example.test",
      },
    });
  const commit = () => git("commit", "--allow-empty", "--message", "change");

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "check-hook-"));
    mkdirSync(join(root, "template/hooks"), { recursive: true });
    mkdirSync(join(root, "clone/below"), { recursive: true });
    spawnSync("install", ["-m", "0755", hook, join(root, "template/hooks/pre-commit")]);
    git("init", `--template=${join(root, "template")}`);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test("runs nothing of a repository until the person names a command in the clone's settings", () => {
    writeFileSync(join(root, "clone/.gitconfig"), '[pantheros]\n\tcheck = "touch ran"\n');
    expect(commit().status).toBe(0);
    expect(existsSync(join(root, "clone/ran"))).toBe(false);
  });

  test("runs the clone's command in its top directory, and a failure prevents the commit", () => {
    git("config", "pantheros.check", "pwd; test -e clean");
    const failed = commit();
    expect(failed.status).not.toBe(0);
    expect(failed.stdout + failed.stderr).toContain(join(root, "clone\n"));
    expect(failed.stderr).toMatch(/`pwd; test -e clean` failed, so nothing was committed.*--no-verify/);
    expect(git("log").status).not.toBe(0);

    writeFileSync(join(root, "clone/clean"), "");
    expect(commit().status).toBe(0);
    expect(git("log", "--format=%s").stdout).toBe("change\n");
  });

  test("a check that uses Git elsewhere does not touch this commit's index", () => {
    git("config", "pantheros.check", "! env | grep -E '^GIT_(DIR|INDEX_FILE)='");
    expect(commit().status).toBe(0);
  });
});

const directories = [
  ...(process.env["PATH"] ?? "").split(":"),
  ...["15", "16", "17", "18"].map((version) => `/usr/lib/postgresql/${version}/bin`),
];
const hasPrograms = ["initdb", "postgres", "pg_isready", "psql"].every((name) =>
  directories.some((place) => existsSync(join(place, name))),
);
if (!hasPrograms)
  console.warn("no PostgreSQL on this machine: the database of the shell `services` is not started");

(hasPrograms ? describe : describe.skip)("the shell `services`", () => {
  /** PostgreSQL does not run as root. */
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "project-"));
    chmodSync(root, 0o700);
    if (nobody !== undefined) chownSync(root, nobody.uid, nobody.gid);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test("starts a PostgreSQL in the project, without a network, that keeps its data for the next start", () => {
    const { postgresql } = (
      evaluate('import (nix + "/lib/project-services.nix")') as {
        processes: Record<string, { command: string; readiness_probe: { exec: { command: string } } }>;
      }
    ).processes;
    writeFileSync(join(root, "start"), postgresql?.command ?? "");
    // As process-compose does: start the command, repeat the probe, send the signal of `shutdown`.
    const session = (sql: string) =>
      spawnSync(
        "sh",
        [
          "-euc",
          `sh ./start >log 2>&1 & server=$!
           trap 'kill -s INT $server 2>/dev/null; wait $server || :' EXIT
           until ${postgresql?.readiness_probe.exec.command}; do
             kill -0 $server || { cat log >&2; exit 1; }
             sleep 0.1
           done
           psql -h "$PROJECT_SERVICES" -d postgres -XAtc "$1"`,
          "sh",
          sql,
        ],
        {
          cwd: root,
          encoding: "utf8",
          env: {
            PATH: directories.join(":"),
            PROJECT_SERVICES: join(root, ".services"),
            LC_ALL: "C",
          },
          ...nobody,
        },
      );
    expect(session("create table kept (); show listen_addresses")).toMatchObject({ status: 0 });
    expect(session("select count(*) from kept").stdout).toBe("0\n");
  });
});
