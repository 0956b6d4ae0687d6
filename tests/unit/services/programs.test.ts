import { chmodSync, cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { evaluate } from "../nix/nix.ts";
import { until } from "../programs.ts";
import { isRoot, mayEnter, SERVICE_ROOT, Work } from "./root.ts";
import { sshdConfig } from "./texts.ts";

type Settings = Readonly<Record<string, unknown>>;

interface Sockets {
  readonly interfaces: readonly string[];
  readonly "service-sockets-max-retries": number;
  readonly "service-sockets-retry-wait-time": number;
}

/** nix/fleet.toml as the hosts' modules read it. */
const FLEET = `fleet = (import (nix + "/lib/fleet.nix")).fromFile (nix + "/fleet.toml");`;
const PROGRAM = "/run/current-system/sw/bin/pantheros-supervisor";

let work: Work;
beforeEach(() => {
  if (mayEnter) work = new Work();
});
afterEach(async () => {
  if (mayEnter) await work.remove();
});
const test = mayEnter ? global.test : global.test.skip;

describe("sshd", () => {
  beforeEach(() => {
    expect(work.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/work/key"]).code).toBe(0);
    work.write("sshd_config", sshdConfig());
  });
  const effective = (user: string) => {
    const { code, stdout, stderr } = work.run([
      "/usr/sbin/sshd",
      "-T",
      "-f",
      "/work/sshd_config",
      "-C",
      `user=${user},host=x,addr=192.0.2.1`,
    ]);
    expect([code, stderr]).toEqual([0, ""]);
    // Newer versions print keywords with capitals, as in the manual.
    return stdout.toLowerCase().split("\n");
  };

  test("accepts keys only, no root login, and forwards only for the deploy account", () => {
    for (const user of ["deploy", "hbohlen", "root"]) {
      expect(effective(user)).toEqual(
        expect.arrayContaining([
          "permitrootlogin no",
          "passwordauthentication no",
          "kbdinteractiveauthentication no",
          "x11forwarding no",
          "allowagentforwarding no",
          "gatewayports no",
          "maxauthtries 3",
          "maxsessions 3",
          "clientaliveinterval 300",
          "clientalivecountmax 2",
          "ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com",
        ]),
      );
      const forwards = user === "deploy" ? "local" : "no";
      expect(effective(user)).toEqual(
        expect.arrayContaining([`allowtcpforwarding ${forwards}`, `allowstreamlocalforwarding ${forwards}`]),
      );
    }
  });

  test("refuses a planted error", () => {
    work.write("sshd_config", sshdConfig().replace("chacha20-poly1305@", "chacha21-poly1305@"));
    const { code, stderr } = work.run(["/usr/sbin/sshd", "-t", "-f", "/work/sshd_config"]);
    expect(code).not.toBe(0);
    expect(stderr).toContain("chacha21");
  });
});

describe("sudo", () => {
  const sudoers = () => {
    const rules = evaluate(`let ${FLEET} in import (nix + "/lib/sudo.nix") {
      inherit (fleet) roles;
      users = fleet.users // { guest.role = "guest"; helper.role = "restricted-admin"; };
    }`) as string;
    const account = evaluate(
      `(import (nix + "/lib/deploy-account.nix")).sudo { user = "deploy"; program = "${PROGRAM}"; }`,
    ) as string;
    // NixOS's own rules for root and wheel (nixos/modules/security/sudo.nix).
    return `root ALL=(ALL:ALL) SETENV: ALL\n%wheel ALL=(ALL:ALL) SETENV: ALL\n${rules}\n${account}`;
  };
  const check = (text: string) => {
    work.write("sudoers", text);
    chmodSync(join(work.directory, "sudoers"), 0o440);
    return work.run(["visudo", "-c", "-s", "-f", "/work/sudoers"]);
  };

  test("visudo accepts the rules, and refuses a planted error", () => {
    const good = check(sudoers());
    expect([good.code, good.stderr]).toEqual([0, ""]);
    expect(check(sudoers().replace("NOPASSWD:", "NOPASWD:")).code).not.toBe(0);
  });

  test("the deploy account may run the supervisor without a password; a restricted administrator its role's commands", () => {
    check(sudoers());
    const { code, stdout } = work.run(["cvtsudoers", "-f", "csv", "/work/sudoers"]);
    expect(code).toBe(0);
    const rules = stdout.split("\n").filter((line) => line.startsWith("rule,"));
    expect(rules.filter((line) => line.startsWith("rule,deploy,"))).toEqual([
      expect.stringMatching(new RegExp(`^rule,deploy,ALL,root,.*!authenticate.*${PROGRAM}$`)),
    ]);
    expect(rules.filter((line) => line.startsWith("rule,helper,"))).toEqual([
      expect.stringContaining("systemctl restart caddy.service"),
    ]);
    expect(rules.filter((line) => line.startsWith("rule,guest,"))).toEqual([]);
  });
});

test("Kea accepts each router's settings, retries its socket for years, and refuses a planted error", () => {
  const routers = evaluate(`let ${FLEET} in builtins.mapAttrs (_: host: import (nix + "/lib/kea.nix") {
    inherit (host.router) lan;
    dhcp = host.router.dhcp // { leaseSeconds = 43200; reservations = [{ mac = "02:00:00:00:00:01"; address = host.router.dhcp.from; }]; };
  }) (builtins.listToAttrs (builtins.concatMap (name: if fleet.hosts.\${name}.router == null then [] else [{ inherit name; value = fleet.hosts.\${name}; }]) (builtins.attrNames fleet.hosts)))`) as Readonly<
    Record<string, { readonly "interfaces-config": Sockets }>
  >;
  expect(Object.keys(routers).length).toBeGreaterThan(1);
  for (const [name, settings] of Object.entries(routers)) {
    const sockets = settings["interfaces-config"];
    const check = (changed: Settings) => {
      // The unit creates the lease file's directory.
      const here = { ...changed, "lease-database": { type: "memfile", persist: false } };
      work.write("kea.json", JSON.stringify({ Dhcp4: here }));
      return work.run(["kea-dhcp4", "-t", "/work/kea.json"], {
        prepare: `ip link add ${sockets.interfaces[0]} type veth peer name other`,
      });
    };
    const { code, stdout, stderr } = check(settings);
    expect([name, code, `${stdout}${stderr}`.match(/ERROR.*/)]).toEqual([name, 0, null]);
    expect(check({ ...settings, "valid-lifetimes": 1 }).code).not.toBe(0);
    const seconds =
      (sockets["service-sockets-max-retries"] * sockets["service-sockets-retry-wait-time"]) / 1000;
    expect([name, seconds > 365 * 86400]).toEqual([name, true]);
  }
});

test("Kea opens its socket as soon as a cable is plugged in, however late that is", async () => {
  const { "interfaces-config": sockets } = evaluate(`(import (nix + "/lib/kea.nix")) {
    lan = { interface = "lan0"; address = "192.0.2.1"; network = "192.0.2.0/24"; };
    dhcp = { from = "192.0.2.10"; to = "192.0.2.20"; leaseSeconds = 60; reservations = []; };
  }`) as { readonly "interfaces-config": Sockets };
  const loggers = [{ name: "kea-dhcp4", severity: "INFO", "output-options": [{ output: "stdout" }] }];
  work.write(
    "kea.json",
    JSON.stringify({
      Dhcp4: {
        loggers,
        "interfaces-config": sockets,
        "lease-database": { type: "memfile", persist: false },
        subnet4: [{ id: 1, subnet: "192.0.2.0/24", pools: [{ pool: "192.0.2.10 - 192.0.2.20" }] }],
      },
    }),
  );
  // Kea's packet socket is a line below the heading of /proc/net/packet.
  const network = `
    ip link add lan0 type veth peer name other
    ip addr add 192.0.2.1/24 dev lan0
    ip link set lan0 up
    (while [ ! -e "$work/plug" ]; do sleep 0.1; done
     ip link set other up
     while :; do cp /proc/net/packet "$work/packets.new"; mv "$work/packets.new" "$work/packets"; sleep 0.1; done) &`;
  const failures = (output: string) => output.split("DHCPSRV_OPEN_SOCKET_FAIL").length - 1;
  await work.startUntil(["kea-dhcp4", "-c", "/work/kea.json"], (output) => failures(output) > 2, {
    prepare: network,
  });
  work.write("plug", "");
  const packets = join(work.directory, "packets");
  await until(() => existsSync(packets) && readFileSync(packets, "utf8").trim().split("\n").length > 1);
});

test("fail2ban accepts the jail, and refuses a planted error", () => {
  const { sshd, ignored } = evaluate(
    '(import (nix + "/lib/fail2ban.nix")) { attempts = 3; banTime = "1h"; port = 22; sources = ["198.51.100.7/32"]; }',
  ) as { sshd: Settings; ignored: readonly string[] };
  cpSync(join(SERVICE_ROOT, "etc/fail2ban"), join(work.directory, "fail2ban"), { recursive: true });
  const lines = Object.entries(sshd).map(([key, value]) => `${key} = ${value}`);
  const jail = ["[DEFAULT]", `ignoreip = ${ignored.join(" ")}`, "[sshd]", "backend = systemd", ...lines].join(
    "\n",
  );
  const check = (text: string) => {
    work.write("fail2ban/jail.local", text);
    return work.run(["fail2ban-client", "-t", "-c", "/work/fail2ban"]);
  };
  const good = check(jail);
  expect([good.code, good.stdout + good.stderr]).toEqual([0, expect.stringContaining("successful")]);
  expect(check(jail.replace("sshd[mode", "sshx[mode")).code).not.toBe(0);
});

// PostgreSQL refuses to run as root, and an unprivileged user namespace has no other account.
(isRoot ? test : test.skip)(
  "PostgreSQL starts with the settings, authenticates system users, and refuses a planted error",
  async () => {
    const files = evaluate(
      '{ inherit (import (nix + "/lib/postgresql.nix")) authentication identMap; settings = (import (nix + "/lib/postgresql.nix")).settings { sharedBuffersMb = 128; }; }',
    ) as { authentication: string; identMap: string; settings: Settings };
    const bin = "/usr/lib/postgresql/18/bin";
    chmodSync(work.directory, 0o777);
    const made = work.run([`${bin}/initdb`, "--no-sync", "--auth=reject", "-D", "/work/data"], {
      user: "postgres",
    });
    expect([made.code, made.stderr]).toEqual([0, ""]);
    const data = (name: string, text: string) => work.write(`data/${name}`, text);
    data("pg_hba.conf", files.authentication);
    data("pg_ident.conf", files.identMap);
    const settings = Object.entries({ ...files.settings, unix_socket_directories: "/work", fsync: "off" })
      .map(([key, value]) => `${key} = '${value}'`)
      .join("\n");
    data("postgresql.conf", settings);
    await work.startUntil(
      [`${bin}/postgres`, "-D", "/work/data"],
      (output) => output.includes("ready to accept connections"),
      { user: "postgres" },
    );
    const login = (user: string, role: string) =>
      work.run(["psql", "-h", "/work", "-U", role, "-d", "postgres", "-Atc", "select current_user"], {
        user,
      });
    expect(login("postgres", "postgres")).toMatchObject({ code: 0, stdout: "postgres\n" });
    expect(login("root", "postgres")).toMatchObject({ code: 0, stdout: "postgres\n" });
    expect(login("nobody", "postgres").stderr).toContain("Peer authentication failed");
    const listens = work.run([
      "psql",
      "-h",
      "/work",
      "-U",
      "postgres",
      "-d",
      "postgres",
      "-Atc",
      "show listen_addresses; select count(*) from pg_hba_file_rules where error is not null",
    ]);
    expect(listens.stdout).toBe("\n0\n");

    data("postgresql.conf", settings.replace("128MB", "128QB"));
    const planted = work.run([`${bin}/postgres`, "-D", "/work/data", "-C", "shared_buffers"], {
      user: "postgres",
    });
    expect(planted.code).not.toBe(0);
  },
);

test("systemd accepts the settings of the fleet's units, and refuses a planted error", () => {
  const hardening = evaluate('(import (nix + "/lib/hardening.nix"))') as { serviceConfig: Settings };
  const restart = evaluate('(import (nix + "/lib/restart.nix"))') as {
    unitConfig: Settings;
    serviceConfig: Settings;
  };
  const lines = (settings: Settings) =>
    Object.entries(settings).flatMap(([key, value]) =>
      (Array.isArray(value) ? value : [value]).map((item) => `${key}=${item}`),
    );
  const unit = [
    "[Unit]",
    "Description=settings of the fleet's units",
    ...lines(restart.unitConfig),
    "[Service]",
    "ExecStart=/usr/bin/sleep 1",
    ...lines({ ...hardening.serviceConfig, ...restart.serviceConfig }),
  ].join("\n");
  const verify = (text: string) => {
    work.write("ours.service", text);
    const { stderr } = work.run([
      "systemd-analyze",
      "verify",
      "--man=no",
      "--recursive-errors=no",
      "/work/ours.service",
    ]);
    return stderr.split("\n").filter((line) => line.includes("ours.service:"));
  };
  expect(verify(unit)).toEqual([]);
  expect(verify(unit.replace("Restart=always", "Restart=allways"))).toEqual([
    expect.stringContaining("allways"),
  ]);
});
