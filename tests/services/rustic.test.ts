import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Part } from "../../sandbox/vendors/parts.ts";
import { startS3 } from "../../sandbox/vendors/s3/part.ts";
import { evaluate } from "../unit/nix/nix.ts";
import { freePort } from "../unit/services/texts.ts";
import { program } from "./programs.ts";

jest.setTimeout(600_000);

const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "pantheros");
const REGION = "eu-central-003";
const KEYS = { AWS_ACCESS_KEY_ID: "backups-key", AWS_SECRET_ACCESS_KEY: "backups-secret" };

type Table = { readonly [key: string]: string | number | boolean | readonly unknown[] | Table };
interface Written {
  /** The settings of rustic's profile. */
  readonly profile: Table;
  /** The scripts of the units. */
  readonly backup: string;
  readonly check: string;
}

const written = (endpoint: string, data: string) =>
  evaluate(`let set = import (nix + "/../tests/unit/nix/one-module.nix") {
    inherit nix;
    module = nix + "/modules/services/backups/default.nix";
    config.pantheros = {
      secrets.b2-backups.path = "/run/secrets/b2-backups";
      secrets.backup-password.path = "/run/secrets/backup-password";
      services.alloy.textfiles = "METRICS";
      services.backup = {
        enable = true; engine = "rustic"; paths = [ "${data}" ]; exclude = [ "**/.cache" ];
        bucket = "fleet-backups"; endpoint = "${endpoint}"; region = "${REGION}";
        at = "daily"; checkAt = "weekly"; keep = { daily = 7; weekly = 5; monthly = 12; };
      };
    };
    args = { host = { name = "web"; environment = "production"; provider.kind = "existing"; }; registry = {}; };
  }; in {
    profile = set.environment.etc."rustic/pantheros.toml".source.value;
    backup = set.systemd.services.pantheros-backup.script;
    check = set.systemd.services.pantheros-backup-check.script;
  }`) as Written;

const isTable = (value: unknown): value is Table =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** As nixpkgs' TOML generator writes it. JSON's strings and lists of strings are TOML's. */
function toml(table: Table, name = ""): string {
  const entries = Object.entries(table);
  const inline = (value: unknown): string =>
    Array.isArray(value)
      ? `[${value.map(inline).join(", ")}]`
      : isTable(value)
        ? `{ ${Object.entries(value)
            .map(([key, inner]) => `${key} = ${inline(inner)}`)
            .join(", ")} }`
        : JSON.stringify(value);
  const own = entries
    .filter(([, value]) => !isTable(value))
    .map(([key, value]) => `${key} = ${inline(value)}`);
  const tables = entries.flatMap(([key, value]) =>
    isTable(value) ? [toml(value, name === "" ? key : `${name}.${key}`)] : [],
  );
  return [...(name === "" ? [] : [`[${name}]`]), ...own, ...tables].join("\n");
}

let home: string;
let s3: Part;
let port: number;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "pantheros-rustic-"));
  port = await freePort();
  const options = {
    dir: home,
    address: "127.0.0.1",
    secrets: KEYS,
    log: () => () => {},
    venv: join(cache, "venv"),
    motoPort: await freePort(),
    nixPort: await freePort(),
    region: REGION,
    checksums: "refuse",
  } as const;
  for (const name of ["vendors/s3", "logs", "config/rustic", "credentials", "metrics", "data/.cache"]) {
    mkdirSync(join(home, name), { recursive: true });
  }
  s3 = await startS3(options, port);
});
afterAll(async () => {
  await s3?.stop();
  rmSync(home, { recursive: true });
});

interface Ran {
  readonly status: number;
  readonly output: string;
}

/** Not synchronous: this process serves the bucket. */
const execute = (program: string, args: readonly string[], env: Readonly<Record<string, string>>) =>
  new Promise<Ran>((done) => {
    execFile(program, args, { env, encoding: "utf8", timeout: 300_000 }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : 255;
      done({ status, output: `${stdout}${stderr}` });
    });
  });

/** Runs one of the units' scripts with the profile, as systemd starts it. */
function run(script: string, profile: Table): Promise<Ran> {
  writeFileSync(join(home, "config/rustic/pantheros.toml"), toml(profile));
  writeFileSync(join(home, "credentials/password"), "a password\n");
  const here = script
    .replaceAll("/pkgs/rustic/bin/main", program("rustic"))
    .replaceAll("/pkgs/runtimeShell", "/bin/sh")
    .replaceAll("METRICS", join(home, "metrics"));
  return execute("sh", ["-c", here], {
    ...KEYS,
    PATH: `${dirname(program("rustic"))}:${process.env["PATH"]}`,
    HOME: home,
    XDG_CONFIG_HOME: join(home, "config"),
    CREDENTIALS_DIRECTORY: join(home, "credentials"),
  });
}

/** Throws with its output unless a script succeeded. */
async function expectSuccess(ran: Promise<Ran>): Promise<void> {
  const { status, output } = await ran;
  if (status !== 0) throw new Error(`exit code ${status}:\n${output}`);
}

/** The profile with the cache in this test's directory. */
const here = ({ profile, ...rest }: Written): Written => ({
  ...rest,
  profile: {
    ...profile,
    repository: { ...(profile["repository"] as Table), "cache-dir": join(home, "cache") },
  },
});

describe("the units' scripts with the real rustic and B2's rules", () => {
  let unit: Written;
  beforeAll(() => {
    unit = here(written(`http://127.0.0.1:${port}`, join(home, "data")));
    writeFileSync(join(home, "data/letter"), "first\n");
    writeFileSync(join(home, "data/.cache/scrap"), "left out\n");
  });
  const restored = async () => {
    rmSync(join(home, "back"), { recursive: true, force: true });
    const restore = `RUSTIC_PASSWORD_FILE=$CREDENTIALS_DIRECTORY/password ${program("rustic")} -P pantheros`;
    await expectSuccess(run(`${restore} restore latest ${join(home, "back")}`, unit.profile));
    return join(home, "back", home, "data");
  };

  test("a bucket must exist; the first backup makes the repository and says when it succeeded", async () => {
    expect((await run(unit.backup, unit.profile)).status).not.toBe(0);
    await makeBucket("fleet-backups");
    await expectSuccess(run(unit.backup, unit.profile));
    expect(readFileSync(join(home, "metrics/pantheros_backup_success_seconds.prom"), "utf8")).toMatch(
      /^pantheros_backup_success_seconds \d+$/m,
    );
  });

  test("the next backup keeps the repository; what was excluded is not restored", async () => {
    writeFileSync(join(home, "data/letter"), "second\n");
    await expectSuccess(run(unit.backup, unit.profile));
    const data = await restored();
    expect(readFileSync(join(data, "letter"), "utf8")).toBe("second\n");
    expect(() => readFileSync(join(data, ".cache/scrap"))).toThrow("ENOENT");
  });

  test("a key that cannot delete backs up, thins out and checks", async () => {
    const rights = { s3: { capabilities: ["listBuckets", "listFiles", "readFiles", "writeFiles"] } };
    writeFileSync(join(home, "vendors/rights.json"), JSON.stringify(rights));
    const { keep: _, ...forget } = unit.profile["forget"] as Table;
    const one = {
      ...unit.profile,
      forget: { ...forget, "keep-daily": 1, "keep-weekly": 0, "keep-monthly": 0 },
    };
    writeFileSync(join(home, "data/letter"), "third\n");
    await expectSuccess(run(unit.backup, one));
    await expectSuccess(run(unit.check, unit.profile));
    expect(readFileSync(join(await restored(), "letter"), "utf8")).toBe("third\n");
  });

  test("planted errors fail: an unknown setting, another region, a missing directory", async () => {
    const backup = unit.profile["backup"] as Table;
    const unknown = await run(unit.backup, {
      ...unit.profile,
      backup: { ...backup, "exclude-if-absent": true },
    });
    expect(unknown).toMatchObject({ status: expect.any(Number) });
    expect(unknown.status).not.toBe(0);
    expect(unknown.output).toContain("exclude-if-absent");
    const repository = unit.profile["repository"] as Table;
    const elsewhere = {
      ...repository,
      options: { ...(repository["options"] as Table), region: "us-east-1" },
    };
    expect((await run(unit.backup, { ...unit.profile, repository: elsewhere })).status).not.toBe(0);
    rmSync(join(home, "data"), { recursive: true });
    expect(await run(unit.backup, unit.profile)).toMatchObject({
      status: 1,
      output: expect.stringContaining(`backup: ${join(home, "data")} is missing`),
    });
  });
});

/** Makes the bucket as its owner does, with the emulator's key. */
async function makeBucket(name: string): Promise<void> {
  const make = `import boto3, sys
boto3.client("s3", endpoint_url=sys.argv[1], region_name="${REGION}").create_bucket(
    Bucket=sys.argv[2], CreateBucketConfiguration={"LocationConstraint": "${REGION}"})`;
  const args = ["-c", make, `http://127.0.0.1:${port}`, name];
  const { status, output } = await execute(join(cache, "venv/bin/python"), args, {
    ...KEYS,
    AWS_REQUEST_CHECKSUM_CALCULATION: "when_required",
  });
  if (status !== 0) throw new Error(output);
}
