import { readdirSync } from "node:fs";
import { join } from "node:path";
import { loadInventory, parseInventory } from "../../../inventory/load.ts";
import { evaluate, evaluationError, run } from "./nix.ts";

const fleetOf = (toml: string): string =>
  `(import (nix + "/lib/fleet.nix")).fromAttrs (builtins.fromTOML ${JSON.stringify(toml).replaceAll("$", "\\$")})`;
const checksOf = (list: string): string => `(import (nix + "/lib/checks.nix")).checks ${list}`;

const small = `
schema = 1
[fleet]
domain = "example.test"
[environments.production]
[environments.staging]
dns_prefix = "staging"
[deploy]
confirm_seconds = 45
[hosts.web]
environment = "staging"
profiles = ["server"]
provider = { kind = "existing", vendor = "home", address = "192.0.2.7" }
[[hosts.web.health]]
name = "grafana"
kind = "http"
url = "http://127.0.0.1:3000/ready"
body = "yes"
[[hosts.web.health]]
name = "port"
kind = "tcp"
address = "127.0.0.1:22"
timeout_seconds = 2
[[hosts.web.health]]
name = "backup"
kind = "command"
command = "test -e /var/backup"
[hosts.iso]
environment = "production"
profiles = ["server"]
provider = { kind = "image" }
[services.grafana]
host = "web"
port = 3000
public = true
health = "/health"
[services.loki]
host = "web"
port = 3030
health = "/ready"
subdomain = "logs"
[services.quiet]
host = "iso"
port = 1
`;

test("every file parses", () => {
  const files = ["nix", "sandbox/nix"].flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".nix"))
      .map((file) => join(root, file)),
  );
  expect(files).toContain("nix/flake.nix");
  expect(files).toContain("sandbox/nix/flake.nix");
  run("nix-instantiate", "--parse", ...files);
});

test("every host of the inventory has its folder and profiles", () => {
  const inventory = loadInventory("nix/fleet.toml");
  const hosts = readdirSync("nix/hosts");
  expect(hosts.toSorted()).toEqual(Object.keys(inventory.hosts).toSorted());
  const profiles = readdirSync("nix/profiles");
  for (const host of Object.values(inventory.hosts)) {
    expect(profiles).toEqual(expect.arrayContaining(host.profiles.map((profile) => `${profile}.nix`)));
  }
});

describe("fleet.nix", () => {
  test.each(["nix/fleet.toml", "sandbox/nix/fleet.toml"])("reads %s as the program does", (file) => {
    const program = loadInventory(file);
    const { seconds, ...deploy } = program.deploy; // the runner's own
    expect(seconds).toBeDefined();
    const nix = evaluate(
      `let f = (import (nix + "/lib/fleet.nix")).fromFile (nix + "/../${file}"); in {
        deploy = f.deploy;
        hosts = builtins.mapAttrs (_: h: { inherit (h) environment system profiles wave reachability reboot tags buildKey; }) f.hosts;
        services = builtins.mapAttrs (_: s: { inherit (s) host port public auth protocol groups mfa metrics backup module; }) f.services;
      }`,
    );
    expect(nix).toEqual({
      deploy,
      hosts: Object.fromEntries(
        Object.entries(program.hosts).map(
          ([name, { environment, system, profiles, wave, reachability, reboot, tags, buildKey }]) => [
            name,
            { environment, system, profiles, wave, reachability, reboot, tags, buildKey: buildKey ?? null },
          ],
        ),
      ),
      services: Object.fromEntries(
        Object.entries(program.services).map(([name, service]) => [
          name,
          {
            host: service.host,
            port: service.port,
            public: service.public,
            auth: service.auth,
            protocol: service.protocol,
            groups: service.groups,
            mfa: service.mfa,
            metrics: service.metrics ?? null,
            backup: service.backup,
            module: service.module ?? name,
          },
        ]),
      ),
    });
  });

  test("a host's own signing key is read by both, and trusted by that host alone", () => {
    const toml = `${small}
[hosts.db]
environment = "production"
profiles = ["server"]
provider = { kind = "existing", vendor = "home" }
build = "target"
`
      .replace("[hosts.web]", '[hosts.web]\nbuild = "target"\nbuild_key = "fleet-1-web:BBBB="')
      .replace("[deploy]", '[cache]\npublic_key = "fleet-1:AAAA="\n[deploy]\ntrusted_builders = ["db"]');
    const program = parseInventory(toml, "fleet.toml");
    const trusted = (host: string) => `(import (nix + "/modules/inventory.nix") {
      config = {}; fleet = f; registry = import (nix + "/lib/registry.nix") f; host = f.hosts.${host};
      lib.optional = condition: value: if condition then [value] else [];
    }).pantheros.deployment.trustedPublicKeys`;
    expect(
      evaluate(`let f = ${fleetOf(toml)}; in {
        keys = builtins.mapAttrs (_: h: h.buildKey) { inherit (f.hosts) web db; };
        inherit (f.deploy) trustedBuilders;
        web = ${trusted("web")};
        db = ${trusted("db")};
      }`),
    ).toEqual({
      keys: { web: program.hosts["web"]?.buildKey, db: null },
      trustedBuilders: program.deploy.trustedBuilders,
      web: ["fleet-1:AAAA=", "fleet-1-web:BBBB="],
      db: ["fleet-1:AAAA="],
    });
  });

  test("names hosts and services under the environment's prefix", () => {
    expect(
      evaluate(
        `let f = ${fleetOf(small)}; in [ f.hosts.web.fqdn f.hosts.iso.fqdn f.hosts.web.services.loki.fqdn ]`,
      ),
    ).toEqual(["web.staging.example.test", "iso.example.test", "logs.staging.example.test"]);
  });

  test("gives a host its services and the checks of both, declared ones first and once", () => {
    expect(
      evaluate(
        `let h = (${fleetOf(small)}).hosts.web; in { s = builtins.attrNames h.services; c = map (c: "\${c.name} \${c.target}") h.health; }`,
      ),
    ).toEqual({
      s: ["grafana", "loki"],
      c: [
        "grafana http://127.0.0.1:3000/ready",
        "port 127.0.0.1:22",
        "backup test -e /var/backup",
        "loki http://127.0.0.1:3030/ready",
      ],
    });
  });

  test("a service's health is a path, a check or a list of checks, on its own port by default", () => {
    const health = (value: string) =>
      evaluate(
        `map (c: "\${c.kind} \${c.name} \${c.target} \${toString c.status}") (${fleetOf(
          small.replace('health = "/ready"\nsubdomain', `health = ${value}\nsubdomain`),
        )}).hosts.web.health`,
      );
    const others = 3;
    const own = (value: string) => (health(value) as string[]).slice(others);
    expect(own('"/ready"')).toEqual(["http loki http://127.0.0.1:3030/ready 200"]);
    expect(own('{ kind = "tcp" }')).toEqual(["tcp loki 127.0.0.1:3030 "]);
    expect(own('{ kind = "http", status = 204, body = "ok" }')).toEqual([
      "http loki http://127.0.0.1:3030/ 204",
    ]);
    expect(
      own(
        '[{ kind = "http", url = "http://192.0.2.7/x" }, { name = "loki-unit", kind = "unit", unit = "loki.service" }, { name = "loki-test", kind = "command", command = "true" }]',
      ),
    ).toEqual([
      "http loki http://192.0.2.7/x 200",
      "unit loki-unit loki.service ",
      "command loki-test true ",
    ]);
  });

  test("treats images as hosts, but not as deployable ones", () => {
    expect(
      evaluate(
        `let f = ${fleetOf(small)}; in [ (builtins.attrNames f.hosts) (builtins.attrNames f.deployable) ]`,
      ),
    ).toEqual([["iso", "web"], ["web"]]);
  });

  test("leaves out a decommissioned host and its services", () => {
    const gone = small.replace("[hosts.web]", '[hosts.web]\ndecommission = "keep"');
    expect(
      evaluate(
        `let f = ${fleetOf(gone)}; in [ (builtins.attrNames f.hosts) (builtins.attrNames f.services) (builtins.attrNames f.deployable) ]`,
      ),
    ).toEqual([["iso"], ["quiet"], []]);
  });

  test("names the existing hosts when a service is on an unknown one", () => {
    const error = evaluationError(
      `(${fleetOf(small.replace('host = "iso"', 'host = "nope"'))}).services.quiet.host`,
    );
    expect(error).toContain('services.quiet.host: unknown host "nope"; hosts are iso, web');
  });
});

describe("checks.nix", () => {
  test("writes one check per line, tab separated, with - for an empty field", () => {
    expect(evaluate(checksOf(`(${fleetOf(small)}).hosts.web.health`))).toBe(
      [
        "http\tgrafana\thttp://127.0.0.1:3000/ready\t200\tyes\t5",
        "tcp\tport\t127.0.0.1:22\t-\t-\t2",
        "command\tbackup\ttest -e /var/backup\t-\t-\t10",
        "http\tloki\thttp://127.0.0.1:3030/ready\t200\t-\t5",
        "",
      ].join("\n"),
    );
  });

  test("refuses a field that would add a line or a column", () => {
    const error = evaluationError(
      checksOf(
        '[{ kind = "command"; name = "x"; target = "a\\nb"; status = null; body = null; timeoutSeconds = 1; }]',
      ),
    );
    expect(error).toContain('health check "x": its fields must not contain tabs or line breaks');
  });

  test("writes the deploy's seconds, and other settings that are set", () => {
    const conf = (extra: string) =>
      evaluate(`(import (nix + "/lib/checks.nix")).deployConf ((${fleetOf(small)}).deploy // { ${extra} })`);
    const seconds = "confirm_seconds=45\nhealth_seconds=60\nhealth_period=2\n";
    expect(conf("")).toBe(`${seconds}switch_seconds=300\nreboot_seconds=300\n`);
    expect(conf('requireSignature = true; switchSeconds = 20; reboot = "allow";')).toBe(
      `${seconds}switch_seconds=20\nreboot=allow\nreboot_seconds=300\nrequire_signature=true\n`,
    );
  });
});

describe("deploy-targets.nix", () => {
  const configuration = `{
    pkgs.stdenv.hostPlatform.system = "x86_64-linux";
    config = {
      system.build.toplevel = derivation { name = "system"; system = "x86_64-linux"; builder = "/bin/sh"; };
      system.build.diskoScript = derivation { name = "disko"; system = "x86_64-linux"; builder = "/bin/sh"; };
      system.boot.loader.kernelFile = "bzImage";
      boot.kernelPackages.kernel = "/nix/store/kernel";
      systemd.units."sshd.service" = { enable = true; unit = "/nix/store/unit-sshd.service"; };
      systemd.units."off.service" = { enable = false; unit = throw "not looked at"; };
    };
  }`;
  const of = (kind: string, more = "") =>
    evaluate(
      `(import (nix + "/lib/deploy-targets.nix")).fromNixos { provider.kind = "${kind}"; } (let c = ${configuration}; in c // { config = c.config // { ${more} }; })`,
    );

  test("has the link targets of a NixOS system, as an object in JSON", () => {
    expect(of("existing")).toEqual({
      system: "x86_64-linux",
      drvPath: expect.stringMatching(/^\/nix\/store\/.*-system\.drv$/),
      toplevel: expect.stringMatching(/^\/nix\/store\/[^/]*-system$/),
      kernel: "/nix/store/kernel/bzImage",
      inhibitors: {},
      units: { "sshd.service": "/nix/store/unit-sshd.service/sshd.service" },
    });
  });

  test("adds the disk script for created machines", () => {
    expect(of("hetzner")).toMatchObject({
      disko: {
        drvPath: expect.stringMatching(/-disko\.drv$/),
        script: expect.stringMatching(/^\/nix\/store\/[^/]*-disko$/),
      },
    });
  });
});
