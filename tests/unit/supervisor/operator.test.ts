/** pantheros-operator: what each role's key may do on a host, by the real program under dash and busybox. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { grants, OPERATOR_VERBS, verbsOf } from "../../../inventory/capabilities.ts";
import { loadInventory } from "../../../inventory/load.ts";
import { evaluate } from "../nix/nix.ts";
import { shells } from "./fake-host.ts";
import { OperatorHost } from "./operator-host.ts";

const { roles } = loadInventory("nix/fleet.toml");
const names = Object.keys(roles);

/** The rules that a host gets when each role has a key. */
const rules = evaluate(
  `let fleet = (import (nix + "/lib/fleet.nix")).fromFile (nix + "/fleet.toml");
    withKeys = builtins.mapAttrs (_: role: role // {operatorKeys = ["key"];}) fleet.roles;
  in ((import (nix + "/lib/operators.nix")).forRoles withKeys).rules`,
) as string;

/** A command of each verb, and what it may lead to as root. */
const COMMANDS = {
  status: ["status", "supervisor probe"],
  logs: ["logs caddy.service", "journalctl --unit=caddy.service --lines=200"],
  restart: ["restart caddy.service", "systemctl restart -- caddy.service"],
  rollback: ["rollback token-1", "supervisor rollback token-1"],
  confirm: ["confirm token-1", "supervisor confirm token-1"],
} as const satisfies Record<(typeof OPERATOR_VERBS)[number], readonly [string, string]>;

describe.each(shells)("under $name", ({ shebang }) => {
  let host: OperatorHost;
  beforeEach(() => {
    host = new OperatorHost(shebang, rules);
    host.journal("");
  });
  afterEach(() => host.remove());

  test.each(names.flatMap((role) => OPERATOR_VERBS.map((verb) => ({ role, verb }))))(
    "the host lets the role $role $verb exactly when its capabilities say so",
    ({ role, verb }) => {
      const [command, effect] = COMMANDS[verb];
      const { code, stdout, calls } = host.call(role, command);
      const allowed = verbsOf(roles[role]?.capabilities ?? []).includes(verb);
      if (allowed) {
        expect(code).toBe(0);
        expect(calls.some((call) => call.startsWith(effect))).toBe(true);
      } else {
        expect(code).toBe(2);
        expect(JSON.parse(stdout)).toMatchObject({ outcome: "refused", step: "role" });
        expect(calls).toEqual([]);
      }
    },
  );

  test.each([
    "",
    "sh -c id",
    "activate /nix/store/x token",
    "secret name 4",
    "run",
    "status extra",
    "logs",
    "logs caddy.service 10 more",
    "logs --directory=/etc",
    "logs caddy.service -1",
    "logs ../caddy.service",
    "rollback",
    "rollback $(id)",
    "rollback --help",
    "confirm ;reboot",
    "restart caddy.service;id",
    "restart *",
    "restart -H",
    'restart "caddy.service"',
    "RESTART caddy.service",
    "guest status",
  ])("even an admin's key cannot %j", (command) => {
    const { code, stdout, calls } = host.call("admin", command);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: "refused", step: "arguments" });
    expect(calls).toEqual([]);
  });

  test("the words of a caller's command are never read by a shell", () => {
    const trap = join(host.root, "owned");
    host.call("admin", `status $(touch ${trap})`);
    host.call("admin", `logs \`touch ${trap}\` ; touch ${trap}`);
    expect(existsSync(trap)).toBe(false);
  });

  test.each([
    "ssh.service",
    "sshd.service",
    "pantheros-activation.service",
    "systemd-journald.service",
    "dbus.service",
    "nix-daemon.service",
    "user@0.service",
    "nix.mount",
  ])("no role may restart %s", (unit) => {
    const { code, stdout, calls } = host.call("admin", `restart ${unit}`);
    expect([code, calls]).toEqual([2, []]);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: "refused", step: "role" });
  });

  test("a role restarts only the units of its list, and a unit that fails to start is reported", () => {
    expect(grants(roles["restricted-admin"]?.capabilities ?? [], "service.restart")).toBe(true);
    expect(host.call("restricted-admin", "restart postgresql.service")).toMatchObject({ code: 2, calls: [] });
    expect(host.call("restricted-admin", "restart xcaddy.service")).toMatchObject({ code: 2, calls: [] });
    expect(JSON.parse(host.call("restricted-admin", "restart caddy.service").stdout)).toEqual({
      outcome: "restarted",
      unit: "caddy.service",
      active: "active",
    });
    expect(JSON.parse(host.call("admin", "restart unknown.service").stdout)).toMatchObject({
      outcome: "refused",
      step: "unit",
    });
    host.fake("systemctl", `case $1 in restart) exit 1 ;; is-active) echo failed; exit 3 ;; esac`);
    const failed = host.call("admin", "restart caddy.service");
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({ outcome: "failed", step: "restart", exitCode: 1 });
  });

  test("a role without rules, and a host without the file, allow nothing", () => {
    expect(host.call("stranger", "status")).toMatchObject({ code: 2, calls: [] });
    // Neither may a name of a role be a pattern or part of one.
    for (const role of ["admi", "a*", "admin\tstatus", "-admin"])
      expect(host.call(role, "restart caddy.service")).toMatchObject({ code: 2, calls: [] });
    const bare = new OperatorHost(shebang, undefined);
    for (const verb of OPERATOR_VERBS)
      expect(bare.call("admin", COMMANDS[verb][0])).toMatchObject({ code: 2, calls: [] });
    bare.remove();
  });

  test("a journal is text: control characters go, lines and the whole are cut, delivered secrets are masked", () => {
    host.secret("token", "a-planted-secret-value");
    host.journal(
      `first \u001b[31mred\u0007\0 a-planted-secret-value\r\n${"x".repeat(10_000_000)}\nlast a-planted-secret-value\n`,
    );
    const { stdout, code } = host.call("admin", "logs caddy.service 5000");
    expect(code).toBe(0);
    expect(stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}|planted/u);
    expect(stdout).toContain("last ***");
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(2000);
    host.journal("short \u001b[31mred a-planted-secret-value\n");
    const short = host.call("admin", "logs caddy.service 5000");
    expect(short.stdout).toBe("short [31mred ***\n");
    expect(short.calls).toEqual([expect.stringContaining("--lines=1000 ")]);
  });
});
