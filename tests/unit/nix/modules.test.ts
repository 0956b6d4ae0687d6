import { spawnSync } from "node:child_process";
import { loadInventory } from "../../../inventory/load.ts";
import { evaluate } from "./nix.ts";

/** The settings of a single module; `config` is its input, `wanted` an expression over `set`. */
const set = (module: string, config: string, args: string, wanted: string): unknown =>
  evaluate(`let set = import (nix + "/../tests/unit/nix/one-module.nix") {
    inherit nix;
    module = nix + "/modules/${module}";
    config = ${config};
    args = ${args};
  }; in ${wanted}`);

const secrets = (names: readonly string[]) =>
  `{ ${names.map((name) => `${name}.path = "/run/secrets/${name}";`).join(" ")} }`;
const host = '{ name = "web"; environment = "production"; provider.kind = "existing"; }';
const registry =
  '{ bucket = environment: purpose: "the-" + purpose; endpoint = "https://s3.example.test"; region = "eu-central-003"; hosts.web.backup = ["/srv"]; cacheName = "cache.example.test"; nameOf = name: name; }';

test("an unavailable 1Password fails no unit at a refresh, and an available one is read", () => {
  const config = (script: string) => `{
    pantheros = { opnix = { tokenFile = "/token"; refresh = "6h"; }; secrets.key = { backend = "opnix"; path = "/run/secrets/key"; reference = "op://v/i/f"; owner = "root"; group = "root"; mode = "0400"; services = []; }; };
    systemd.services.opnix-secrets.script = ${JSON.stringify(script)};
  }`;
  const refresh = (script: string) =>
    spawnSync(
      "sh",
      [
        "-e",
        "-c",
        String(
          set(
            "secrets/opnix.nix",
            config(script),
            "{}",
            "set.systemd.services.pantheros-secrets-refresh.script",
          ),
        ),
      ],
      { encoding: "utf8" },
    );
  expect(refresh("echo read; exit 1")).toMatchObject({
    status: 0,
    stdout: "read\n",
    stderr: expect.stringContaining("stay as they are"),
  });
  expect(refresh("echo read")).toMatchObject({ status: 0, stdout: "read\n", stderr: "" });
});

describe("each purpose has its own key for B2, so the cache's key opens neither dumps nor backups", () => {
  const dumps = `{
    pantheros = {
      secrets = ${secrets(["b2-dumps", "backup-password"])};
      services.alloy.textfiles = "/var/lib/metrics";
      services.postgresql = { enable = true; databases = ["app"]; dump = { enable = true; at = "daily"; target = "store:x"; endpoint = "e"; region = "eu-central-003"; keepDays = 30; }; };
    };
    services.postgresql.package = "/pkgs/postgresql";
  }`;
  const backups = `{
    pantheros = {
      secrets = ${secrets(["b2-backups", "backup-password"])};
      services.alloy.textfiles = "/var/lib/metrics";
      services.backup = { enable = true; engine = "rustic"; paths = ["/srv"]; exclude = []; bucket = "b"; endpoint = "e"; region = "r"; at = "daily"; checkAt = "weekly"; keep = { daily = 7; weekly = 5; monthly = 12; }; };
    };
  }`;
  const attic = `{
    pantheros = {
      secrets = ${secrets(["b2-credentials", "attic-token"])};
      services.attic = { enable = true; port = 8080; listen = "127.0.0.1"; bucket = "b"; retention = "3 months"; };
    };
  }`;
  const fleet = '{ cache.host = "web"; region = "eu-central-003"; }';

  test.each([
    ["services/postgresql/dump.nix", dumps, ["b2-dumps", "backup-password"]],
    ["services/backups/default.nix", backups, ["b2-backups", "backup-password"]],
    ["services/attic.nix", attic, ["attic-token", "b2-credentials"]],
  ])("%s", (module, config, names) => {
    const args = `{ host = ${host}; registry = ${registry}; fleet = ${fleet}; }`;
    expect(set(module, config, args, "builtins.attrNames set.pantheros.secrets")).toEqual(names);
    const used = JSON.stringify(
      set(
        module,
        config,
        args,
        "builtins.mapAttrs (_: unit: [ (unit.serviceConfig.LoadCredential or []) (unit.serviceConfig.EnvironmentFile or []) ]) set.systemd.services",
      ),
    );
    const keys = new Set(used.match(/b2-[a-z]+/g));
    expect([...keys]).toEqual(names.filter((name) => name.startsWith("b2-")));
  });
});

describe("units wait for their secrets, and restart when one changes", () => {
  const config = (backend: string) => `{
    pantheros = {
      opnix.tokenFile = "/token";
      secrets.key = { backend = "${backend}"; path = "/run/secrets/key"; services = ["app"]; };
      secrets.unread = { backend = "${backend}"; path = "/run/secrets/unread"; services = []; };
    };
  }`;
  const wanted = `{
    app = set.systemd.services.app;
    opnix = set.systemd.services.opnix-secrets or null;
    table = set.environment.etc."pantheros/secrets".text;
    watched = set.systemd.paths.pantheros-secrets.pathConfig.PathChanged;
  }`;

  test("OpNix's own unit is one of them: a new token restarts it", () => {
    expect(set("secrets/changes.nix", config("opnix"), "{}", wanted)).toEqual({
      app: {
        after: ["opnix-secrets.service"],
        wants: ["opnix-secrets.service"],
        unitConfig: { ConditionPathExists: ["/run/secrets/key"] },
      },
      opnix: { serviceConfig: { ExecStartPost: "/pkgs/pantheros-secrets" } },
      table: "/run/secrets/key app.service\n/token opnix-secrets.service\n",
      watched: ["/run/secrets/key", "/token"],
    });
  });

  test("the same holds for secrets of other backends", () => {
    expect(set("secrets/changes.nix", config("delivered"), "{}", wanted)).toMatchObject({
      app: { after: [], unitConfig: { ConditionPathExists: ["/run/secrets/key"] } },
      opnix: null,
      watched: ["/run/secrets/key"],
    });
  });
});

describe("an unattended machine recovers from a kernel that panics or hangs", () => {
  const boot = (more: string) => `{
    pantheros.boot = { loader = "grub-hybrid"; touchFirmware = false; timeout = 5; generations = 10; kernel = "default"; quiet = false;
      unattended = true; panicSeconds = 30; watchdogSeconds = 60; serialConsole = "ttyS0,115200"; ${more} };
    boot.supportedFilesystems = {};
  }`;
  const wanted = "{ inherit (set.boot) kernelParams; manager = set.systemd.settings.Manager; }";

  test("it reboots by itself: kernel, first boot stage, service manager", () => {
    expect(set("core/boot.nix", boot(""), "{}", wanted)).toEqual({
      kernelParams: [
        "console=ttyS0,115200",
        "console=tty0",
        "panic=30",
        "softlockup_panic=1",
        "nmi_watchdog=panic",
        "boot.panic_on_fail",
      ],
      manager: { RuntimeWatchdogSec: "60s", RebootWatchdogSec: "5min" },
    });
    const profile = evaluate(
      '((import (nix + "/profiles/server.nix")) { host = { provider.kind = "existing"; system = "x86_64-linux"; }; lib = { mkIf = _: v: v; mkDefault = v: v; }; pkgs.htop = ""; }).pantheros.boot.unattended',
    );
    expect(profile).toBe(true);
  });

  test("a machine with an operator waits for the operator", () => {
    const laptop = boot("")
      .replace("unattended = true", "unattended = false")
      .replace('"ttyS0,115200"', "null");
    expect(set("core/boot.nix", laptop, "{}", wanted)).toEqual({ kernelParams: [], manager: {} });
  });
});

describe("certificates are ordered soon, and the health check fails without them", () => {
  const config = `{
    pantheros.secrets.cloudflare-dns-token.path = "/run/secrets/cloudflare-dns-token";
    pantheros.services.caddy = { enable = true; email = "hostmaster@example.test"; wildcard = true; hstsSeconds = 1; contentSecurityPolicy = ""; trustedProxies = []; };
    security.acme.certs."example.test" = {};
    services.caddy.group = "caddy";
  }`;
  const vhost = `"notes.example.test" = { service = "notes"; certificate = "example.test"; upstream = "127.0.0.1:1"; forwardAuth = null; auth = "own"; proxied = true; }`;
  const args = `{ fleet = { domain = "example.test"; zone = "example.test"; }; host = ${host}; registry.hosts.web = { certificates = ["example.test"]; virtualHosts = { ${vhost}; }; }; }`;

  test("the order waits for its token, is repeated with a new token, and is retried after a failure", () => {
    const order = "acme-order-renew-example.test";
    expect(
      set("services/caddy.nix", config, args, "set.pantheros.secrets.cloudflare-dns-token.services"),
    ).toEqual([order]);
    expect(set("services/caddy.nix", config, args, "set.systemd.services")).toMatchObject({
      [order]: { serviceConfig: { Restart: "on-failure" } },
    });
  });

  test("a gateway can have a certificate for each of its names, and none for others", () => {
    const wanted = `{
      certificates = builtins.mapAttrs (_: each: [each.domain] ++ each.extraDomainNames) set.security.acme.certs;
      sites = builtins.mapAttrs (_: each: each.useACMEHost) set.services.caddy.virtualHosts;
    }`;
    expect(set("services/caddy.nix", config, args, wanted)).toEqual({
      certificates: { "example.test": ["example.test", "*.example.test"] },
      sites: { "notes.example.test": "example.test", "*.example.test": "example.test" },
    });
    const own = config.replace("wildcard = true", "wildcard = false");
    expect(set("services/caddy.nix", own, args, wanted)).toEqual({
      certificates: { "notes.example.test": ["notes.example.test"] },
      sites: { "notes.example.test": "notes.example.test" },
    });
  });

  test("a public name is checked over HTTPS, on this host, against public certificate authorities", () => {
    const [check] = set("services/caddy.nix", config, args, "set.pantheros.deployment.checks") as {
      kind: string;
      name: string;
      target: string;
    }[];
    expect(check).toMatchObject({ kind: "command", name: "https-notes.example.test" });
    expect(check?.target).toContain("--resolve notes.example.test:443:127.0.0.1 https://notes.example.test/");
    expect(check?.target).not.toMatch(/insecure|-k\b/);
  });
});

describe("an account can log in at the keyboard of a machine with a desktop", () => {
  const refused = (users: string): unknown =>
    set(
      "desktop/default.nix",
      `{ pantheros.desktop.enable = true; pantheros.users = ${users}; networking.hostName = "laptop"; }`,
      "{}",
      "map (each: each.message) (builtins.filter (each: !each.assertion) set.assertions)",
    );

  test("without any password it is refused, and the message names the key that sets one", () => {
    expect(refused("{ me.passwordSecret = null; }")).toEqual([
      expect.stringMatching(/^laptop: no account can log in at its keyboard; .*`password_secret`/),
    ]);
    expect(refused('{ me.passwordSecret = "password-me"; }')).toEqual([]);
  });

  test("the laptops of the fleet have one", () => {
    const { hosts, users, secrets } = loadInventory("nix/fleet.toml");
    for (const [name] of Object.entries(hosts).filter(([, each]) => each.profiles.includes("workstation"))) {
      const those = Object.values(users).filter((user) => user.hosts === "all" || user.hosts.includes(name));
      const delivered = those
        .flatMap(({ passwordSecret }) => passwordSecret ?? [])
        .map((key) => secrets[key]?.hosts);
      expect(delivered.filter((to) => to === "all" || to?.includes(name))).not.toEqual([]);
    }
  });
});

test("a host deletes garbage during builds, before its store is full", () => {
  const config = `{
    pantheros.system = { substituters = {}; garbageCollection = { dates = "weekly"; olderThan = "30d"; }; locale = "C"; timeZone = "UTC";
      autoUpgrade = { enable = false; flake = null; }; };
    pantheros.deployment.enable = true;
  }`;
  const { free, until } = set(
    "core/system.nix",
    config,
    "{}",
    "{ free = set.nix.settings.min-free; until = set.nix.settings.max-free; }",
  ) as { free: number; until: number };
  // The smallest store of the fleet has some 15 GB.
  expect(free).toBeGreaterThanOrEqual(2 ** 30);
  expect(until).toBeGreaterThan(free);
  expect(until).toBeLessThan(15e9 / 2);
});

test("Authelia without a protected service is refused, because it would not start", () => {
  const config = `{
    pantheros = {
      services.authelia = { enable = true; listen = "127.0.0.1"; port = 9091; sessionHours = 1; idleMinutes = 1; smtp = null; };
      services.lldap = { enable = true; ldapPort = 3890; baseDn = "dc=example"; reader = "sign-on"; };
      secrets = {};
    };
    services.redis.servers.authelia-main.unixSocket = "/run/redis";
  }`;
  const messages = (rules: string) =>
    set(
      "services/sso/authelia.nix",
      config,
      `{ fleet = { domain = "example.test"; zone = "example.test"; }; registry = { accessRules = ${rules}; nameFor = _: "auth.example.test"; }; }`,
      "map (each: each.message) (builtins.filter (each: !each.assertion) set.assertions)",
    );
  expect(messages("[]")).toEqual([expect.stringContaining('give a public service auth = "sso"')]);
  expect(messages('[{ domain = "x"; }]')).toEqual([]);
});

test("the token for DNS reaches the units that order certificates, and not Caddy", () => {
  const caddy = set(
    "services/caddy.nix",
    `{
      pantheros = {
        secrets.cloudflare-dns-token.path = "/run/secrets/cloudflare-dns-token";
        services.caddy = { enable = true; email = "a@example.test"; wildcard = true; hstsSeconds = 1; contentSecurityPolicy = ""; trustedProxies = []; };
      };
      security.acme.certs."example.test" = {};
      services.caddy.group = "caddy";
    }`,
    `{
      fleet.domain = "example.test";
      host.name = "web";
      registry.hosts.web = {
        certificates = ["example.test"];
        virtualHosts."a.example.test" = { upstream = "127.0.0.1:1"; forwardAuth = null; certificate = "example.test"; };
      };
    }`,
    "set",
  ) as {
    pantheros: { secrets: Record<string, { services: string[] }> };
    security: { acme: { defaults: { credentialFiles: object } } };
    services: { caddy: object };
  };
  expect(caddy.pantheros.secrets["cloudflare-dns-token"]?.services).toEqual([
    "acme-order-renew-example.test",
  ]);
  expect(JSON.stringify(caddy.security.acme.defaults.credentialFiles)).toContain("cloudflare-dns-token");
  expect(JSON.stringify(caddy.services)).not.toMatch(/cloudflare-dns-token|acme_dns|plugins/);
});

test("LDAP listens on loopback, wherever the directory's web page listens", () => {
  const settings = (listen: string) =>
    set(
      "services/sso/lldap.nix",
      `{ pantheros = {
        secrets = ${secrets(["lldap-jwt-secret", "lldap-admin-password", "lldap-reader-password"])};
        services.lldap = { enable = true; listen = "${listen}"; port = 17170; ldapPort = 3890; baseDn = "dc=example"; reader = "sign-on"; };
      }; }`,
      `{ fleet.domain = "example.test"; registry.groups = []; }`,
      "{ inherit (set.services.lldap.settings) ldap_host http_host; }",
    );
  expect(settings("0.0.0.0")).toEqual({ ldap_host: "127.0.0.1", http_host: "0.0.0.0" });
  expect(settings("127.0.0.1")).toEqual({ ldap_host: "127.0.0.1", http_host: "127.0.0.1" });
});

test("Authelia and Dex read the directory as an account that cannot change it", () => {
  const common = `services.lldap = { enable = true; ldapPort = 3890; baseDn = "dc=example"; reader = "sign-on"; };`;
  const reader = "uid=sign-on,ou=people,dc=example";
  const authelia = set(
    "services/sso/authelia.nix",
    `{
      pantheros = {
        ${common}
        services.authelia = { enable = true; listen = "127.0.0.1"; port = 9091; sessionHours = 1; idleMinutes = 1; smtp = null; };
        secrets = builtins.listToAttrs (map (name: { inherit name; value.path = "/run/secrets/\${name}"; }) ["authelia-jwt-secret" "authelia-session-secret" "authelia-storage-key" "lldap-reader-password"]);
      };
      services.redis.servers.authelia-main.unixSocket = "/run/redis";
    }`,
    `{ fleet = { domain = "example.test"; zone = "example.test"; }; registry = { accessRules = [{}]; nameFor = _: "auth.example.test"; }; }`,
    `{ bind = set.services.authelia.instances.main.settings.authentication_backend.ldap.user; credentials = set.systemd.services.authelia-main.serviceConfig.LoadCredential; }`,
  );
  expect(authelia).toMatchObject({ bind: reader });
  expect(authelia).toMatchObject({
    credentials: expect.arrayContaining(["ldap:/run/secrets/lldap-reader-password"]),
  });
  expect(JSON.stringify(authelia)).not.toContain("admin");
  const dex = set(
    "services/sso/dex.nix",
    `{ pantheros = { ${common} secrets.dex-environment.path = "/run/secrets/dex"; services.dex = { enable = true; listen = "127.0.0.1"; port = 5556; clients = []; }; }; }`,
    `{ registry.nameFor = _: "dex.example.test"; }`,
    "(builtins.head set.services.dex.settings.connectors).config",
  );
  expect(dex).toMatchObject({ bindDN: reader, bindPW: "$LLDAP_READER_PASSWORD" });
});

describe("operators of the control centre", () => {
  const config = (keys: string) => `{
    pantheros = {
      deployment.enable = true;
      roles.guest = { capabilities = ["status.*"]; operatorKeys = [${keys}]; restartUnits = []; };
      roles.admin = { capabilities = ["*"]; operatorKeys = []; restartUnits = ["caddy.service"]; };
    };
    systemd.package = "/pkgs/systemd";
  }`;

  test("a key of a role makes the account, whose one program as root is the host's own check", () => {
    const wanted = `{
      keys = set.users.users.pantheros-operator.openssh.authorizedKeys.keys;
      inherit (set.users.users.pantheros-operator) isSystemUser group;
      rules = set.environment.etc."pantheros/operators".text;
      sudo = set.security.sudo.extraConfig;
    }`;
    const program = "/run/current-system/sw/bin/pantheros-operator";
    expect(set("deployment/operator/default.nix", config('"ssh-ed25519 AAAA ops"'), "{}", wanted)).toEqual({
      keys: [`restrict,command="${program} guest" ssh-ed25519 AAAA ops`],
      isSystemUser: true,
      group: "pantheros-operator",
      rules: "guest\tstatus\n",
      sudo: `pantheros-operator ALL=(root) NOPASSWD: ${program}\nDefaults:pantheros-operator !log_subcmds\n`,
    });
  });

  test("without a key there is neither the account nor the program", () => {
    expect(set("deployment/operator/default.nix", config(""), "{}", "set")).toEqual({});
  });
});
