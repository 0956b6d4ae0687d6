import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../programs.ts";
import { evaluate } from "./nix.ts";

const directories = [
  ...(process.env["PATH"] ?? "").split(":"),
  ...["15", "16", "17", "18"].map((version) => `/usr/lib/postgresql/${version}/bin`),
];
const hasPrograms = ["initdb", "postgres", "psql", "pg_basebackup"].every((name) =>
  directories.some((place) => existsSync(join(place, name))),
);
if (!hasPrograms) console.warn("no PostgreSQL on this machine: a replica of a real one is not tested");

/** PostgreSQL does not run as root. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;
const ownerName = spawnSync("id", ["-un", ...(nobody === undefined ? [] : ["65534"])], { encoding: "utf8" });

async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

(hasPrograms ? describe : describe.skip)("a replica of a real PostgreSQL", () => {
  let root: string;
  let port: number;
  let primary: ChildProcess;
  let files: { authentication: string; sql: string; conf: string; hba: string; ident: string };
  const running = new Set<ChildProcess>();
  const PASSWORD = "with:colon\\and 'quote'";

  const environment = (): NodeJS.ProcessEnv => ({
    PATH: directories.join(":"),
    LC_ALL: "C",
    CREDENTIALS_DIRECTORY: join(root, "credentials"),
    PANTHEROS_REPLICA_DIRECTORY: join(root, "replica"),
    PANTHEROS_REPLICA_PRIMARY: "127.0.0.1",
    PANTHEROS_REPLICA_PORT: String(port),
    PANTHEROS_REPLICA_SLOT: "replica_web",
    PANTHEROS_REPLICA_PASSWORD: join(root, "credentials/password"),
    PANTHEROS_REPLICA_PASSFILE: join(root, "run/passfile"),
    PGUSER: "postgres",
  });
  const put = (name: string, text: string) => {
    writeFileSync(join(root, name), text);
    if (nobody !== undefined) chownSync(join(root, name), nobody.uid, nobody.gid);
  };
  const run = (argv: readonly string[], more: NodeJS.ProcessEnv = {}) => {
    const [program = "", ...args] = argv;
    return spawnSync(program, args, {
      ...nobody,
      cwd: root,
      encoding: "utf8",
      env: { ...environment(), ...more },
    });
  };
  const start = (argv: readonly string[]) => {
    const [program = "", ...args] = argv;
    const child = spawn(program, args, { ...nobody, cwd: root, env: environment() });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (part: string) => {
        output += part;
      });
    running.add(child);
    return { child, output: () => output };
  };
  const stop = async (child: ChildProcess) => {
    running.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    child.once("exit", () => resolve());
    child.kill("SIGINT");
    await promise;
  };
  /** A statement at the primary or at the replica; undefined while it is not reachable. */
  const sql = (where: "main" | "run", text: string): string | undefined => {
    const { status, stdout } = run(["psql", "-XAtqd", "postgres", "-c", text], {
      PGHOST: join(root, where),
      PGPORT: String(port),
    });
    return status === 0 ? stdout.trim() : undefined;
  };
  const script = join(process.cwd(), "nix/modules/services/postgresql/replica.sh");
  const replica = () =>
    start([
      "sh",
      script,
      "run",
      ...["config_file", "hba_file", "ident_file"].flatMap((name) => ["-c", `${name}=${join(root, name)}`]),
    ]);
  let log: () => string;
  const listen = () => {
    const server = start([
      "postgres",
      "-D",
      join(root, "main/data"),
      "-k",
      join(root, "main"),
      "-p",
      String(port),
    ]);
    log = server.output;
    return server.child;
  };

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "pantheros-replica-"));
    if (nobody !== undefined) chownSync(root, nobody.uid, nobody.gid);
    for (const name of ["main", "replica", "run", "credentials"]) {
      mkdirSync(join(root, name));
      if (nobody !== undefined) chownSync(join(root, name), nobody.uid, nobody.gid);
    }
    port = await freePort();
    const given = JSON.stringify({ run: join(root, "run"), port, passfile: join(root, "run/passfile") });
    files = evaluate(`let
      files = import (nix + "/lib/postgresql.nix");
      given = builtins.fromJSON ${JSON.stringify(given)};
    in {
      authentication = files.replication.authentication ["127.0.0.0/8"];
      sql = files.replication.sql ["replica_web"];
      conf = files.replica.settings {
        conninfo = "host=127.0.0.1 port=\${toString given.port} user=replication passfile=\${given.passfile}";
        inherit (given) port run;
        sharedBuffersMb = 16;
        slot = "replica_web";
      };
      hba = files.replica.authentication;
      ident = files.replica.identMap;
    }`) as typeof files;
    put("credentials/password", `${PASSWORD}\n`);
    put("config_file", files.conf);
    put("hba_file", files.hba);
    put("ident_file", files.ident.replaceAll("postgres-replica", ownerName.stdout.trim()));
    const data = join(root, "main/data");
    expect(run(["initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync"]).status).toBe(0);
    put("main/data/pg_hba.conf", `local all all trust\n${files.authentication}`);
    writeFileSync(
      join(data, "postgresql.conf"),
      "listen_addresses = '127.0.0.1'\nwal_level = replica\nshared_buffers = '16MB'\nlog_statement = 'all'\n",
    );
    primary = listen();
    await until(() => sql("main", "select 1") === "1");
    sql("main", "create table notes (text text); insert into notes values ('of before')");
  }, 120_000);
  afterAll(async () => {
    for (const child of running) await stop(child);
    rmSync(root, { recursive: true, force: true });
  });

  const applySql = () => {
    put("replication.sql", files.sql);
    return run(
      ["psql", "-XAtq", "--set=ON_ERROR_STOP=1", "-d", "postgres", "-f", join(root, "replication.sql")],
      {
        PGHOST: join(root, "main"),
        PGPORT: String(port),
      },
    );
  };

  test("its role and slot are made once, and a new password replaces the old one", () => {
    for (let times = 0; times < 2; times += 1) expect(applySql()).toMatchObject({ status: 0, stderr: "" });
    expect(sql("main", "select slot_name, temporary from pg_replication_slots")).toBe("replica_web|f");
    expect(sql("main", "select rolsuper, rolreplication from pg_roles where rolname = 'replication'")).toBe(
      "f|t",
    );
  });

  test("a wrong password copies nothing; a copy follows its primary, and takes its place", async () => {
    applySql();
    put("credentials/password", "wrong\n");
    const refused = replica();
    await until(() => refused.child.exitCode !== null);
    expect(refused.output()).toContain("password authentication failed");
    expect(existsSync(join(root, "replica/data"))).toBe(false);
    put("credentials/password", `${PASSWORD}\n`);

    // An interrupted copy is not taken for a whole one.
    mkdirSync(join(root, "replica/data.new"));
    put("replica/data.new/PG_VERSION", "15\n");
    if (nobody !== undefined) chownSync(join(root, "replica/data.new"), nobody.uid, nobody.gid);

    const follower = replica();
    await until(() => sql("run", "select text from notes") === "of before");
    sql("main", "insert into notes values ('of after')");
    await until(() => sql("run", "select count(*) from notes") === "2");
    expect(sql("run", "select pg_is_in_recovery()")).toBe("t");
    expect(sql("run", "insert into notes values ('refused')")).toBeUndefined();
    expect(readFileSync(join(root, "run/passfile"), "utf8")).toBe(
      "*:*:*:replication:with\\:colon\\\\and 'quote'\n",
    );

    const metric = () => {
      const measured = run(["sh", script, "measure", join(root, "run/replica.prom")], {
        PGHOST: join(root, "run"),
        PGPORT: String(port),
      });
      expect(measured.status).toBe(0);
      return readFileSync(join(root, "run/replica.prom"), "utf8").trim().split("\n").at(-1);
    };
    await until(() => metric() === "pantheros_postgres_replica_streaming 1");

    // What the primary does while the replica is away is kept for it.
    await stop(follower.child);
    sql("main", "insert into notes values ('while away')");
    expect(log()).toContain("insert into notes");
    expect(log()).not.toContain("quote'");
    const again = replica();
    await until(() => sql("run", "select count(*) from notes") === "3");
    expect(again.output()).not.toContain("copying");

    // The primary is lost: the metric says so, and a promotion makes the copy writable.
    await stop(primary);
    await until(() => metric() === "pantheros_postgres_replica_streaming 0");
    expect(sql("run", "select pg_promote()")).toBe("t");
    sql("run", "insert into notes values ('of the new primary')");
    expect(sql("run", "select count(*) from notes")).toBe("4");
    await stop(again.child);
    // A restart continues with it, and neither follows nor copies.
    const promoted = replica();
    await until(() => sql("run", "select pg_is_in_recovery()") === "f");
    expect(sql("run", "select count(*) from notes")).toBe("4");
    await stop(promoted.child);
  }, 120_000);
});

describe("a replica in the inventory", () => {
  const fleet = (more: string) =>
    `(import (nix + "/lib/fleet.nix")).fromAttrs (builtins.fromTOML ${JSON.stringify(`
schema = 1
[fleet]
domain = "example.test"
[environments.production]
[hosts.db]
environment = "production"
profiles = ["server"]
provider = { kind = "existing", vendor = "x", address = "192.0.2.1" }
[hosts.second-db]
environment = "production"
profiles = ["server"]
provider = { kind = "existing", vendor = "x", address = "192.0.2.2" }
[services.postgresql-replica]
host = "second-db"
port = 5433
protocol = "tcp"
options = { primary = "db" }
${more}`)})`;
  const LISTENS = '[services.postgresql]\nhost = "db"\nport = 5432\nprotocol = "tcp"\n';
  const module = (file: string, host: string, config: string, wanted: string, more = LISTENS) =>
    evaluate(`let
      fleet = ${fleet(more)};
      registry = import (nix + "/lib/registry.nix") fleet;
      set = import (nix + "/../tests/unit/nix/one-module.nix") {
        inherit nix;
        module = nix + "/modules/services/postgresql/${file}";
        config = ${config};
        args = { inherit fleet registry; host = fleet.hosts."${host}"; };
      };
    in ${wanted}`);
  const replica = `{
    pantheros = {
      services = { postgresql-replica = { enable = true; primary = "db"; port = 5433; sharedBuffersMb = 64; }; alloy.textfiles = "/metrics"; };
      secrets.postgres-replication-password.path = "/run/secrets/password";
    };
    services.postgresql.package = "/pkgs/postgresql";
  }`;
  const primary = (listen: string) => `{
    pantheros = {
      services.postgresql = { enable = true; databases = ["app"]; listen = "${listen}"; port = 5432; sharedBuffersMb = 128; replication = { enable = true; keepGb = 4; sources = ["100.64.0.0/10"]; }; };
      secrets.postgres-replication-password.path = "/run/secrets/password";
    };
    services.postgresql.package = "/pkgs/postgresql";
  }`;
  const REFUSED = "map (each: each.message) (builtins.filter (each: !each.assertion) set.assertions)";

  test("gives the primary a slot for it, and the monitor a metric to miss", () => {
    const found = module(
      "replica.nix",
      "second-db",
      replica,
      '{ replicas = registry.replicasOf "db"; expected = registry.expected.replicas; tailnet = registry.hosts.db.firewall.tailnet; }',
    );
    expect(found).toEqual({
      replicas: [{ host: "second-db", slot: "replica_second_db" }],
      expected: ["second-db"],
      tailnet: [5432],
    });
  });

  test("a deploy does not wait until the databases are copied, and the secret starts it", () => {
    const found = module(
      "replica.nix",
      "second-db",
      replica,
      `{ unit = set.systemd.services.pantheros-postgresql-replica; secret = set.pantheros.secrets; refused = ${REFUSED}; }`,
    ) as { unit: { environment: object; serviceConfig: object }; refused: string[] };
    expect(found.unit.serviceConfig).toMatchObject({ Type: "exec", User: "postgres-replica" });
    expect(found.unit.environment).toMatchObject({
      PANTHEROS_REPLICA_PRIMARY: "db",
      PANTHEROS_REPLICA_PORT: "5432",
      PANTHEROS_REPLICA_SLOT: "replica_second_db",
    });
    expect(found).toMatchObject({
      secret: { "postgres-replication-password": { services: ["pantheros-postgresql-replica"] } },
      refused: [],
    });
  });

  test("is refused when its primary listens on no address", () => {
    expect(module("replica.nix", "second-db", replica, REFUSED, "")).toEqual([
      expect.stringContaining('add [services.postgresql] with host = "db"'),
    ]);
    expect(module("replication.nix", "db", primary(""), REFUSED, "")).toEqual([
      expect.stringContaining("also opens the port to the tailnet"),
    ]);
    expect(module("replication.nix", "db", primary("0.0.0.0"), REFUSED)).toEqual([]);
  });

  test("adds one rule to who may connect: with a password, from the tailnet, to copy", () => {
    const { authentication, settings } = module(
      "default.nix",
      "db",
      primary("0.0.0.0"),
      "{ inherit (set.services.postgresql) authentication settings; }",
    ) as { authentication: string; settings: Record<string, unknown> };
    expect(authentication.match(/^host.*$/gm)).toEqual([
      "host replication replication 100.64.0.0/10 scram-sha-256",
    ]);
    expect(settings).toMatchObject({ listen_addresses: "0.0.0.0", max_slot_wal_keep_size: "4GB" });
  });
});
