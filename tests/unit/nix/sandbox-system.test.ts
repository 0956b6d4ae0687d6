import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { supervisorText } from "../supervisor/fake-host.ts";
import { operatorText } from "../supervisor/operator-host.ts";
import { attempt, inStore, linkIn, readStore, run } from "./nix.ts";

const deployKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDeploy deploy";
const probeKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIProbe probe";
const guestKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGuest guest";
const fleet = `
schema = 1
[fleet]
domain = "example.test"
[environments.sandbox]
[deploy]
confirm_seconds = 7
probe_keys = ["${probeKey}"]
[roles.admin]
capabilities = ["*"]
restart_units = ["hello.service"]
[roles.guest]
capabilities = ["status.*"]
operator_keys = ["${guestKey}"]
[hosts.web]
environment = "sandbox"
profiles = ["server"]
build_key = "test-1-web:BBBB"
provider = { kind = "hetzner", location = "fsn1", server_type = "cx23" }
[hosts.web.extra]
SANDBOX
[services.hello]
host = "web"
port = 8080
health = "/"
`;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pantheros-nix-"));
  cpSync("sandbox/nix", directory, { recursive: true });
  writeFileSync(
    join(directory, "site/site.json"),
    JSON.stringify({ authorizedKeys: [deployKey], trustedPublicKeys: ["test-1:AAAA"] }),
  );
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function flake(command: string, attribute: string, sandbox: string, ...args: readonly string[]) {
  writeFileSync(join(directory, "fleet.toml"), fleet.replace("SANDBOX", sandbox));
  return attempt(
    "nix",
    command,
    `path:${directory}#${attribute}`,
    "--no-write-lock-file",
    "--override-input",
    "pantheros",
    `path:${process.cwd()}/nix`,
    "--override-input",
    "site",
    `path:${directory}/site`,
    ...args,
  );
}
interface Target {
  readonly toplevel: string;
  readonly kernel: string;
  readonly units: Record<string, string>;
  readonly inhibitors: Record<string, string>;
}
function target(sandbox: string): Target {
  const { code, stdout, stderr } = flake("eval", "deployTargets.web", sandbox, "--json");
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Target;
}
function built(what: "toplevel" | "unmanaged", sandbox: string): string {
  const attribute = `nixosConfigurations.web.config.system.build.${what}`;
  const { code, stdout, stderr } = flake("build", attribute, sandbox, "--no-link", "--print-out-paths");
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

test("a built system matches its deploy target", () => {
  const described = target('motd = "hi"');
  const system = built("toplevel", 'motd = "hi"');
  expect(system).toBe(described.toplevel);
  expect(linkIn(system, "kernel")).toBe(described.kernel);
  expect(JSON.parse(readStore(system, "switch-inhibitors"))).toEqual(described.inhibitors);
  expect(Object.keys(described.units)).toEqual(["hello.service", "pantheros-resume.service"]);
  expect(readStore(system, "etc/systemd/system/hello.service")).toContain('"hello on web"');
  expect(linkIn(linkIn(system, "etc"), "systemd/system/hello.service")).toBe(
    described.units["hello.service"],
  );
  expect(readStore(system, "sw/bin/pantheros-supervisor")).toBe(`#!/bin/sh\n${supervisorText()}`);
});

test("its /etc allows the deploy user one program, with signed closures", () => {
  const system = built("toplevel", "");
  const program = "/run/current-system/sw/bin/pantheros-supervisor";
  expect(readStore(system, "etc/sudoers.d/deploy")).toBe(`deploy ALL=(root) NOPASSWD: ${program}\n`);
  expect(readStore(system, "etc/ssh/authorized_keys.d/deploy").split("\n")).toEqual([
    deployKey,
    `restrict,command="sudo -n ${program} probe" ${probeKey}`,
    "",
  ]);
  expect(readStore(system, "etc/nix/pantheros.conf")).toContain(
    "trusted-public-keys = test-1:AAAA test-1-web:BBBB\n",
  );
  expect(readStore(system, "etc/ssh/sshd_config.d/00-system.conf")).toMatch(
    /^PermitRootLogin no\nPasswordAuthentication no$/m,
  );
  expect(readStore(system, "etc/pam.d/sshd")).toMatch(
    /pam_succeed_if\.so quiet user = deploy\n.* pam_systemd\.so$/m,
  );
  expect(readStore(system, "etc/pantheros/deploy.conf")).toContain("confirm_seconds=7\n");
  expect(readStore(system, "etc/pantheros/checks")).toBe("http\thello\thttp://127.0.0.1:8080/\t200\t-\t5\n");
  expect(readStore(system, "etc-manifest").split("\n")).toContain("0440\tsudoers.d/deploy");
});

test("its /etc allows an operator's key the verbs of its role, and one program as root", () => {
  const system = built("toplevel", "");
  const program = "/run/current-system/sw/bin/pantheros-operator";
  expect(readStore(system, "etc/ssh/authorized_keys.d/pantheros-operator")).toBe(
    `restrict,command="${program} guest" ${guestKey}\n`,
  );
  expect(readStore(system, "etc/pantheros/operators")).toBe("guest\tstatus\n");
  expect(readStore(system, "etc/sudoers.d/pantheros-operator")).toMatch(
    /^pantheros-operator ALL=\(root\) NOPASSWD: \/run\/current-system\/sw\/bin\/pantheros-operator\n/,
  );
  expect(readStore(system, "sw/bin/pantheros-operator")).toBe(`#!/bin/sh\n${operatorText()}`);
  expect(readStore(system, "users")).toBe("deploy\t/bin/sh\npantheros-operator\t/bin/sh\n");
});

test("before its first deploy it has only its services and root's keys", () => {
  const system = built("unmanaged", "");
  expect(inStore(system, "etc/systemd/system/hello.service")).toBe(true);
  expect(readStore(system, "etc/ssh/authorized_keys.d/root")).toBe(`${deployKey}\n`);
  expect(readStore(system, "users")).toBe("");
  expect(readStore(system, "etc/pam.d/sshd")).not.toContain("pam_succeed_if");
  for (const name of [
    "sw/bin/pantheros-operator",
    "etc/sudoers.d/pantheros-operator",
    "sw/bin/pantheros-supervisor",
    "etc/sudoers.d/deploy",
    "etc/nix/pantheros.conf",
  ]) {
    expect(inStore(system, name)).toBe(false);
  }
});

test("kernel, inhibitors and faults of the sandbox table become part of the system", () => {
  const described = target(
    'kernel = "6.13"\ninhibitors = { dbus = "broker" }\nunit = "fail"\nnetwork = "down"',
  );
  expect(described.kernel).toContain("-linux-6.13/");
  expect(described.inhibitors).toEqual({ "dbus-implementation": "broker" });
  expect(Object.keys(described.units)).toEqual([
    "broken.service",
    "hello.service",
    "no-network.service",
    "pantheros-resume.service",
  ]);
});

test("filler adds the given number and size of paths, with the same content for the same seed", () => {
  const fillers = (system: string) => readStore(system, "extra-dependencies").trim().split("\n");
  const system = built("toplevel", 'filler = { paths = 3, bytes = 4000, seed = "a" }');
  expect(fillers(system)).toHaveLength(3);
  const texts = fillers(system).map((path) => readStore(path, ""));
  expect(texts.map((text) => text.length)).toEqual([4000, 4000, 4000]);
  expect(new Set(texts).size).toBe(3);
  expect(run("nix", "path-info", "--recursive", system).split("\n")).toEqual(
    expect.arrayContaining(fillers(system)),
  );
  const other = built("toplevel", 'filler = { paths = 3, bytes = 4000, seed = "b" }');
  expect(fillers(other).map((path) => readStore(path, ""))).not.toEqual(texts);
});

describe("databases", () => {
  const buckets = `[storage]
region = "eu-central-003"
[buckets.dumps]
environment = "sandbox"
purpose = "postgres"
name = "dumps"`;
  let programs: string;
  beforeAll(() => {
    const source = join(directory, "programs");
    mkdirSync(source);
    writeFileSync(join(source, "programs"), "stands for PostgreSQL");
    programs = run("nix", "store", "add", "--name", "postgresql-test", source).trim();
  });
  /** Evaluates with the site's PostgreSQL, which is any store path here. */
  function withPostgresql<T>(path: string | undefined, use: () => T): T {
    const file = join(directory, "site/site.json");
    const before = readFileSync(file, "utf8");
    const s3 = "http://198.51.100.1:9000";
    writeFileSync(file, JSON.stringify({ ...JSON.parse(before), s3, ...(path && { postgresql: path }) }));
    try {
      return use();
    } finally {
      writeFileSync(file, before);
    }
  }

  test("a host with databases has PostgreSQL in its closure, and pantheros-postgres with its settings", () => {
    const system = withPostgresql(programs, () => built("toplevel", `databases = ["notes"]\n${buckets}`));
    expect(run("nix", "path-info", "--recursive", system).split("\n")).toContain(programs);
    expect(readStore(system, "etc/systemd/system/postgresql.service")).toContain(
      `ExecStart=${programs}/bin/postgres -D /var/lib/postgresql/data`,
    );
    expect(readStore(system, "users")).toContain("postgres\t/usr/sbin/nologin\n");
    const program = readStore(system, "sw/bin/pantheros-postgres");
    expect(program).toContain("PANTHEROS_DUMP_TO:=store:dumps/web}");
    expect(program).toContain(readFileSync("nix/modules/services/postgresql/dump.sh", "utf8"));
  });

  test("a host without databases has neither", () => {
    const system = built("toplevel", "");
    expect(inStore(system, "sw/bin/psql")).toBe(false);
    expect(readStore(system, "users")).not.toContain("postgres");
  });

  test.each<[string, string, boolean, string]>([
    [
      "no PostgreSQL in the sandbox",
      `databases = ["a"]\n${buckets}`,
      false,
      "`tools/pantheros sandbox up` adds it",
    ],
    [
      "no bucket",
      'databases = ["a"]\n[storage]\nregion = "eu-central-003"',
      true,
      'sandbox has no bucket with purpose = "postgres"',
    ],
    ["a name that is none", `databases = ["a b"]\n${buckets}`, true, '"a b" must consist of small letters'],
  ])("%s is an error that names the remedy", (_, sandbox, present, message) => {
    const { code, stderr } = withPostgresql(present ? programs : undefined, () =>
      flake("eval", "deployTargets.web", sandbox, "--json"),
    );
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });
});

test.each([
  ['colour = "red"', "hosts.web.extra: unknown key colour; keys are activation, "],
  ['sshd = "slow"', 'hosts.web.extra.sshd: must be one of "stop", "silent"'],
])("a sandbox table with %s is refused with what is allowed", (sandbox, message) => {
  const { code, stderr } = flake("eval", "deployTargets.web", sandbox, "--json");
  expect(code).not.toBe(0);
  expect(stderr).toContain(message);
});
