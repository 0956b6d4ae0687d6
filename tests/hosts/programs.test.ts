import { chmodSync, cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { loadInventory } from "../../inventory/load.ts";
import { evaluate } from "../unit/nix/nix.ts";
import { mayEnter, SERVICE_ROOT, Work } from "../unit/services/root.ts";
import { evaluatedHosts, type Host } from "./written.ts";

const inventory = loadInventory("nix/fleet.toml");
let work: Work;
beforeEach(() => {
  if (mayEnter) work = new Work();
});
afterEach(async () => {
  if (mayEnter) await work.remove();
});
const test = mayEnter ? global.test : global.test.skip;

/** Paths of NixOS that the programs would read, replaced by those of the root directory with the programs. */
const here = (text: string) =>
  text.replace(/^(HostKey|AuthorizedKeysCommand|AuthorizedPrincipalsFile|Subsystem|Banner) .*$/gm, "");

/** Programs of NixOS, and units that its packages have, are not in the root directory; nor is libseccomp. */
const ELSEWHERE =
  /is not executable|not found|Failed to (open|prepare|load)|No such file|does not exist|Cannot add dependency|libseccomp is not available/;
/** Stand-ins for units of packages, by suffix: what such a unit must have, and the smallest one. */
const STAND_INS: Readonly<Record<string, readonly [RegExp, string]>> = {
  service: [/^(ExecStart|ExecStop|SuccessAction)=/m, "[Service]\nExecStart=/usr/bin/true\n"],
  socket: [/^Listen\w+=/m, "[Socket]\nListenStream=/run/stand-in\n"],
  timer: [/^On\w+=/m, "[Timer]\nOnCalendar=daily\n"],
  path: [/^(Path\w+|DirectoryNotEmpty)=/m, "[Path]\nPathExists=/run/stand-in\n"],
};

/** The stand-in for a unit to which NixOS only adds settings; undefined for a complete unit, and for a unit of this project. */
function standIn(unit: string, text: string): string | undefined {
  const [wanted, smallest] = STAND_INS[unit.split(".").at(-1) ?? ""] ?? [];
  return wanted === undefined || wanted.test(text) || unit.startsWith("pantheros-") ? undefined : smallest;
}

/** Rules that open a port to the local link, or to the host's own containers (NixOS' module of Podman). */
const LOCAL = / (224\.0\.0\.251|ff02::fb) |iifname "podman0" udp dport 53 /;

/** The table that tests/unit/nix/firewall-hosts.test.ts compares with the inventory and knocks at. */
const pureTable = (name: string): string =>
  evaluate(`let
    fleet = (import (nix + "/lib/fleet.nix")).fromFile (nix + "/fleet.toml");
    firewall = import (nix + "/lib/firewall.nix");
  in firewall.table {
    policy = firewall.policy { inherit fleet; registry = import (nix + "/lib/registry.nix") fleet; } fleet.hosts.${JSON.stringify(name)};
    sshPort = fleet.ports.ssh;
  }`) as string;

describe.each(evaluatedHosts().map((host) => [host.name, host] as const))("%s", (name, host) => {
  test("sshd gives each account what the fleet means", () => {
    const text = host.file("ssh/sshd_config");
    if (host.unbuilt.includes("ssh/sshd_config")) return;
    if (text === undefined) throw new Error("the host writes no ssh/sshd_config");
    expect(work.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/work/key"]).code).toBe(0);
    const check = (config: string, user: string) => {
      work.write("sshd_config", `HostKey /work/key\n${here(config)}`);
      return work.run([
        "/usr/sbin/sshd",
        "-T",
        "-f",
        "/work/sshd_config",
        "-C",
        `user=${user},host=x,addr=192.0.2.1`,
      ]);
    };
    const image = inventory.hosts[name]?.provider.kind === "image";
    const users = Object.entries(host.values.accounts).filter(([, { isNormalUser }]) => isNormalUser);
    for (const user of ["root", "deploy", ...users.map(([user]) => user)]) {
      const { code, stdout, stderr } = check(text, user);
      expect([user, code, stderr]).toEqual([user, 0, ""]);
      const lines = stdout.toLowerCase().split("\n");
      expect(lines).toEqual(
        expect.arrayContaining([
          "passwordauthentication no",
          "kbdinteractiveauthentication no",
          "x11forwarding no",
        ]),
      );
      if (!image) expect(lines).toContain("permitrootlogin no");
      const forwards = user === "deploy" && !image ? "local" : undefined;
      if (forwards !== undefined) expect(lines).toContain(`allowtcpforwarding ${forwards}`);
    }
    expect(check(text.replace(/^MaxAuthTries .*$/m, "MaxAuthTries many"), "root").code).not.toBe(0);
  });

  test("visudo accepts the rules, and only administrators and the deploy account have any", () => {
    work.write("sudoers", host.sudoers);
    chmodSync(join(work.directory, "sudoers"), 0o440);
    const checked = work.run(["visudo", "-c", "-s", "-f", "/work/sudoers"]);
    expect([checked.code, checked.stderr]).toEqual([0, ""]);
    const { stdout } = work.run(["cvtsudoers", "-f", "csv", "/work/sudoers"]);
    const free = stdout
      .split("\n")
      .filter((line) => line.startsWith("rule,") && line.includes("!authenticate"));
    // Whoever may use sudo without a password: the deploy account for the supervisor, and a role's commands.
    // The installer's own account works without one, on a machine that is not a host yet.
    if (inventory.hosts[name]?.provider.kind === "image") return;
    for (const line of free) expect(line).not.toMatch(/,ALL$/);
  });

  test("nft loads the tables, and they open what the inventory means, besides multicast DNS and the containers' names", () => {
    /** Rules for new connections, as nft prints what it has loaded. */
    const loaded = (text: string, chain = "input-allow") => {
      work.write("rules.nft", text);
      const list = `nft --file /work/rules.nft && nft --stateless list chain inet nixos-fw ${chain}`;
      const { code, stdout, stderr } = work.run(["sh", "-c", list], { prepare: "true" });
      const rules = stdout.split("\n").map((line) => line.replace(/ comment "[^"]*"/, "").trim());
      return { code, stderr, rules: rules.slice(2, -3).toSorted() };
    };
    const evaluated = loaded(host.nftables.join("\n"));
    expect([evaluated.code, evaluated.stderr]).toEqual([0, ""]);
    const meant = loaded(pureTable(name));
    expect([meant.code, meant.stderr, meant.rules.length > 3]).toEqual([0, "", true]);
    expect(evaluated.rules.filter((rule) => !LOCAL.test(rule))).toEqual(meant.rules);
    const router = inventory.hosts[name]?.router;
    if (router !== undefined) {
      const { wan, lan } = router;
      expect(loaded(host.nftables.join("\n"), "forward-allow").rules).toEqual(
        expect.arrayContaining([
          `iifname "${lan.interface}" oifname "${wan}" accept`,
          `iifname "podman*" oifname "${wan}" accept`,
          `iifname "tailscale0" oifname { "${wan}", "${lan.interface}" } accept`,
        ]),
      );
    }
    expect(loaded(host.nftables.join("\n").replace("policy drop", "policy dropp")).code).not.toBe(0);
  });

  test("systemd accepts every unit", () => {
    const verify = (units: Host["units"]) => {
      for (const [unit, { text, overrideStrategy }] of Object.entries(units)) {
        const shipped = existsSync(join(SERVICE_ROOT, "usr/lib/systemd/system", unit));
        const smallest = shipped ? undefined : standIn(unit, text);
        const dropIn = overrideStrategy === "asDropin" || shipped || smallest !== undefined;
        work.write(dropIn ? `units/${unit}.d/overrides.conf` : `units/${unit}`, text);
        if (smallest !== undefined) work.write(`units/${unit}`, smallest);
      }
      // A template and a prefix of slices (`user-.slice`) are no units by themselves.
      const files = Object.keys(units).filter(
        (unit) => !/@\.|-\.slice$/.test(unit) && existsSync(join(work.directory, "units", unit)),
      );
      const { stderr } = work.run([
        "env",
        "SYSTEMD_UNIT_PATH=/work/units:",
        "systemd-analyze",
        "verify",
        "--man=no",
        "--recursive-errors=no",
        ...files.map((unit) => `/work/units/${unit}`),
      ]);
      return stderr.split("\n").filter((line) => line !== "" && !ELSEWHERE.test(line));
    };
    expect(verify(host.units)).toEqual([]);
    const planted = {
      text: `${host.units["sshd.service"]?.text}\n[Service]\nRestart=allways\n`,
      overrideStrategy: "",
      wantedBy: [],
    };
    expect(verify({ "sshd.service": planted })).toEqual([expect.stringContaining("allways")]);
  });

  test("Kea and fail2ban accept their files", () => {
    if (host.unbuilt.length > 0) return;
    const jail = host.file("fail2ban/jail.local");
    expect([name, jail !== undefined]).toEqual([name, host.values.services.fail2ban]);
    if (jail !== undefined) {
      cpSync(join(SERVICE_ROOT, "etc/fail2ban"), join(work.directory, "fail2ban"), { recursive: true });
      work.write("fail2ban/jail.local", jail);
      const { code, stdout, stderr } = work.run(["fail2ban-client", "-t", "-c", "/work/fail2ban"]);
      expect([code, stdout + stderr]).toEqual([0, expect.stringContaining("successful")]);
    }
    const router = inventory.hosts[name]?.router;
    const kea = host.file("kea/dhcp4-server.conf");
    expect([name, kea !== undefined]).toEqual([name, router?.dhcp !== undefined]);
    if (kea !== undefined && router !== undefined) {
      work.write("kea.json", kea.replace(/"(name|data-directory)"\s*:\s*"\/var\/lib\/[^"]*",?/g, ""));
      const { code, stdout, stderr } = work.run(["kea-dhcp4", "-t", "/work/kea.json"], {
        prepare: `ip link add ${router.lan.interface} type veth peer name other`,
      });
      expect([code, `${stdout}${stderr}`.match(/ERROR.*/)]).toEqual([0, null]);
    }
  });
});
