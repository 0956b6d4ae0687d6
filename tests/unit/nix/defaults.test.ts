/** Defaults of the inventory are the schema's in all languages. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deploySpec } from "../../../deployer/deploy/spec.ts";
import { installSpec } from "../../../deployer/install/spec.ts";
import { parseInventory } from "../../../inventory/load.ts";
import { inventoryDefaults, NIX_DEFAULTS, SUPERVISOR_DEFAULTS } from "../../../inventory/reference.ts";
import type { ModuleOption } from "../../../tools/nix/reference.ts";
import { evaluate } from "./nix.ts";

/** Only the keys that the schema requires. */
const SMALLEST = `
schema = 1
[fleet]
domain = "example.test"
[environments.homelab]
[hosts.web]
environment = "homelab"
profiles = ["server"]
provider = { kind = "existing", vendor = "home" }
health = [
  { name = "a", kind = "http", url = "http://127.0.0.1/" },
  { name = "b", kind = "tcp", address = "127.0.0.1:22" },
  { name = "c", kind = "unit", unit = "sshd.service" },
  { name = "d", kind = "command", command = "true" },
]
[services.notes]
host = "web"
port = 8080
[roles.guest]
[users.me]
role = "guest"
[mounts.data]
mount = "/data"
`;
const program = parseInventory(SMALLEST, "fleet.toml");

/** How the Nix library in `nix` reads it. */
const readByNix = (nix = "nix") =>
  evaluate(`let f = (import (${nix} + "/lib/fleet.nix")).fromAttrs (builtins.fromTOML ${JSON.stringify(SMALLEST)}); in {
    inherit (f) deploy ports roles mounts users services;
    cache = f.cache.name;
    host = { inherit (f.hosts.web) system wave reachability reboot tags backup storage health; };
  }`) as { readonly deploy: object; readonly host: { readonly health: unknown }; readonly ports: object };

/** Option -> its default as JSON. */
const optionsOf = (nix = "nix"): Readonly<Record<string, string | null>> =>
  Object.fromEntries(
    (
      evaluate(
        `import (nix + "/../tools/nix/options.nix") { modules = ${nix} + "/modules"; }`,
      ) as ModuleOption[]
    ).map((option) => [option.name, option.default]),
  );

/** The supervisor's settings for a system without deploy.conf. */
function supervisorSettings(folder: string): Record<string, string> {
  const names = [
    ...["switch_seconds", "health_seconds", "health_period", "confirm_seconds", "reboot_seconds", "reboot"],
    "check_seconds",
  ];
  const values = names.map((name) => `echo "${name} $${name}"`).join("; ");
  const script = `set -u; root=; . ./defaults.sh; . ./state.sh; settings /none || :; ${values}`;
  const stdout = execFileSync("sh", ["-c", script], { cwd: folder, encoding: "utf8" });
  return Object.fromEntries(
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" ")),
  );
}

test("omitted keys have the same values in Nix and in the program", () => {
  const { seconds, ...deploy } = program.deploy; // the runner's own
  expect(seconds).toBeDefined();
  const web = program.hosts["web"];
  expect(readByNix()).toMatchObject({
    deploy,
    ports: program.ports,
    roles: program.roles,
    mounts: program.mounts,
    users: { me: { ...program.users["me"] } },
    services: { notes: { ...program.services["notes"], health: null } },
    cache: program.cache.name,
    host: {
      ...{ system: web?.system, wave: web?.wave, reachability: web?.reachability, reboot: web?.reboot },
      ...{ tags: web?.tags, backup: web?.backup, storage: web?.storage },
      health: (web?.health ?? []).map((check) => ({
        name: check.name,
        timeoutSeconds: check.timeoutSeconds,
        status: check.kind === "http" ? check.status : null,
      })),
    },
  });
});

test("NixOS options, the supervisor and the deployer have the program's defaults", () => {
  const { deploy, ports } = program;
  const options = optionsOf();
  const option = (name: string): unknown => JSON.parse(options[`pantheros.${name}`] ?? "null");
  expect({
    user: option("deployment.user"),
    confirmSeconds: option("deployment.confirmSeconds"),
    healthSeconds: option("deployment.healthSeconds"),
    healthPeriodSeconds: option("deployment.healthPeriodSeconds"),
    switchSeconds: option("deployment.switchSeconds"),
    rebootSeconds: option("deployment.rebootSeconds"),
  }).toEqual({
    user: deploy.user,
    confirmSeconds: deploy.confirmSeconds,
    healthSeconds: deploy.healthSeconds,
    healthPeriodSeconds: deploy.healthPeriodSeconds,
    switchSeconds: deploy.switchSeconds,
    rebootSeconds: deploy.rebootSeconds,
  });
  expect(option("ssh.port")).toBe(ports.ssh);
  expect(supervisorSettings("nix/modules/deployment/supervisor")).toEqual({
    switch_seconds: String(deploy.switchSeconds),
    health_seconds: String(deploy.healthSeconds),
    health_period: String(deploy.healthPeriodSeconds),
    confirm_seconds: String(deploy.confirmSeconds),
    reboot_seconds: String(deploy.rebootSeconds),
    reboot: program.hosts["web"]?.reboot,
    check_seconds: String(program.hosts["web"]?.health[2]?.timeoutSeconds),
  });
  const { evaluate: _, compare, secret, install, ...steps } = deploy.seconds;
  expect([compare, secret]).toEqual([expect.any(Number), expect.any(Number)]);
  expect(deploySpec.shape.seconds.parse({})).toEqual({
    ...steps,
    switch: deploy.switchSeconds,
    health: deploy.healthSeconds,
    confirm: deploy.confirmSeconds,
    reboot: deploy.rebootSeconds,
  });
  const { connect, build } = deploy.seconds;
  expect(installSpec.shape.seconds.parse({})).toEqual({ connect, build, ...install });
});

describe("a changed default", () => {
  let copy: string;
  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), "pantheros-defaults-"));
    cpSync("nix", copy, { recursive: true });
    const more = JSON.stringify(inventoryDefaults()).replace(/:(\d+)/g, (_, n) => `:${Number(n) + 7}`);
    const words = {
      '"deploy",': '"dispatcher",',
      '"bash"': '"fish"',
      '"never"': '"allow"',
      '"none"': '"zfs"',
    };
    const text = Object.entries(words).reduce((old, [from, to]) => old.replaceAll(from, to), more);
    writeFileSync(join(copy, "lib/defaults.json"), text);
  });
  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  test("reaches machines and options through the generated file alone", () => {
    const { deploy, ports, host } = readByNix(copy);
    expect(deploy).toMatchObject({
      user: "dispatcher",
      confirmSeconds: program.deploy.confirmSeconds + 7,
      healthSeconds: program.deploy.healthSeconds + 7,
      healthPeriodSeconds: program.deploy.healthPeriodSeconds + 7,
      switchSeconds: program.deploy.switchSeconds + 7,
      rebootSeconds: program.deploy.rebootSeconds + 7,
    });
    expect(ports).toEqual({ ssh: 29, tailscale: 41648 });
    expect(host.health).toEqual([
      expect.objectContaining({ status: 207, timeoutSeconds: 12 }),
      expect.objectContaining({ timeoutSeconds: 12 }),
      expect.objectContaining({ timeoutSeconds: 12 }),
      expect.objectContaining({ timeoutSeconds: 17 }),
    ]);
    const [before, after] = [optionsOf(), optionsOf(copy)];
    const changed = Object.keys(after).filter((name) => before[name] !== after[name]);
    expect(changed).toEqual([
      "pantheros.deployment.checks.*.timeoutSeconds",
      "pantheros.deployment.confirmSeconds",
      "pantheros.deployment.healthPeriodSeconds",
      "pantheros.deployment.healthSeconds",
      "pantheros.deployment.reboot",
      "pantheros.deployment.rebootSeconds",
      "pantheros.deployment.switchSeconds",
      "pantheros.deployment.user",
      "pantheros.router.lan.prefixLength",
      "pantheros.ssh.port",
      "pantheros.storage.layout",
      "pantheros.users.NAME.shell",
    ]);
  });

  test("reaches the supervisor through its generated part alone", () => {
    const folder = join(copy, "modules/deployment/supervisor");
    const part = join(copy, SUPERVISOR_DEFAULTS.replace("nix/", ""));
    const before = supervisorSettings(folder);
    writeFileSync(part, readFileSync(part, "utf8").replace(/=(\d+)/g, "=9$1"));
    const after = supervisorSettings(folder);
    expect(after).toEqual(
      Object.fromEntries(
        Object.entries(before).map(([key, value]) => [key, /^\d/.test(value) ? `9${value}` : value]),
      ),
    );
    expect(NIX_DEFAULTS).toBe("nix/lib/defaults.json");
  });
});
