import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { evaluate } from "../nix/nix.ts";
import { until } from "../programs.ts";
import { type Entry, labeller, pipelinesOf, selects } from "./journal.ts";
import { mayEnter, Work } from "./root.ts";
import { freePort, sshdConfig } from "./texts.ts";

interface Group {
  readonly name: string;
  readonly rules: readonly {
    readonly alert: string;
    readonly expr: string;
    readonly annotations: { readonly summary: string; readonly action: string };
  }[];
}

const groups = evaluate(
  'import (nix + "/modules/services/monitoring/log-rules.nix") { hosts = ["web" "db"]; }',
) as readonly Group[];
const rules = groups.flatMap((group) => group.rules);
const labels = labeller("web");

/** Whether an entry counts for the alert. */
function counts(alert: string, entry: Entry): boolean {
  const [pipeline = ""] = pipelinesOf(rules.find((rule) => rule.alert === alert)?.expr ?? "");
  return selects(pipeline, labels(entry), entry["message"] ?? "");
}

let work: Work;
beforeEach(() => {
  if (mayEnter) work = new Work();
});
afterEach(async () => {
  if (mayEnter) await work.remove();
});
const real = mayEnter ? test : test.skip;

real("sshd's log lines of failed logins count for SshGuessing, those of a login do not", async () => {
  const port = await freePort();
  for (const name of ["key", "id"]) {
    expect(work.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `/work/${name}`]).code).toBe(0);
  }
  const keys = "AuthorizedKeysFile /work/id.pub\nStrictModes no\nPermitRootLogin prohibit-password";
  work.write("sshd_config", `${keys}\n${sshdConfig()}`);
  const output = await work.startUntil(
    ["/usr/sbin/sshd", "-D", "-e", "-f", "/work/sshd_config", "-o", `ListenAddress=127.0.0.1:${port}`],
    (text) => text.includes("Server listening"),
  );
  const login = (user: string, ...options: readonly string[]) =>
    work.run([
      "ssh",
      ...["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes"].flatMap((option) => [
        "-o",
        option,
      ]),
      ...options,
      "-p",
      String(port),
      `${user}@127.0.0.1`,
      "true",
    ]);
  expect(login("oracle").code).not.toBe(0);
  expect(login("root").code).not.toBe(0);
  expect(login("root", "-i", "/work/id")).toMatchObject({ code: 0, stderr: expect.anything() });
  await until(() => output().includes("Accepted publickey"));
  const entries = output()
    .split("\n")
    .map((message) => ({
      syslog_identifier: "sshd-session",
      _systemd_unit: "sshd.service",
      priority: "6",
      message: message.trim(),
    }));
  const counted = entries.filter((entry) => counts("SshGuessing", entry)).map(({ message }) => message);
  expect(counted.some((line) => line.includes("oracle"))).toBe(true);
  expect(counted.some((line) => line.includes("root"))).toBe(true);
  expect(counted.filter((line) => /Accepted|listening/.test(line))).toEqual([]);
});

real("sudo's log lines of refused commands count for SudoRefused, those of an allowed command do not", () => {
  const rules = evaluate(`import (nix + "/lib/sudo.nix") {
    roles.helper.sudo = ["/usr/bin/true"]; users.nobody.role = "helper";
  }`) as string;
  work.write(
    "pam",
    "auth required pam_deny.so\naccount required pam_permit.so\nsession required pam_permit.so\n",
  );
  const prepare = `
    chown 0:0 "$work/sudoers"
    mount --bind "$work/sudoers" "$root/etc/sudoers"
    mount --bind "$work/pam" "$root/etc/pam.d/sudo"
    mount --bind "$work/pam" "$root/etc/pam.d/other"`;
  const logged = (user: string, more: string, command: string): Entry => {
    work.write("sudo.log", "");
    chmodSync(join(work.directory, "sudo.log"), 0o666);
    work.write(
      "sudoers",
      `${rules.replace("/var/log/sudo.log", "/work/sudo.log")}Defaults loglinelen=0\n${more}\n`,
    );
    chmodSync(join(work.directory, "sudoers"), 0o440);
    const { stderr } = work.run(["sudo", "-S", command], { user, prepare });
    // The journal's message has no time.
    const [line = ""] = readFileSync(join(work.directory, "sudo.log"), "utf8").trim().split("\n").slice(-1);
    if (line === "") throw new Error(`sudo logged nothing: ${stderr}`);
    const message = line.replace(/^.*?\d\d:\d\d:\d\d : /, "");
    return { syslog_identifier: "sudo", _systemd_unit: "session-4.scope", priority: "1", message };
  };
  const refused = [
    logged("nobody", "", "/usr/bin/true"),
    logged("nobody", "Defaults:nobody !authenticate", "/usr/bin/id"),
    logged("sshd", "Defaults:sshd !authenticate", "/usr/bin/id"),
  ];
  expect(refused.map((entry) => [entry["message"], counts("SudoRefused", entry)])).toEqual([
    [expect.stringContaining("3 incorrect password attempts"), true],
    [expect.stringContaining("command not allowed"), true],
    [expect.stringContaining("NOT in sudoers"), true],
  ]);
  const allowed = logged("nobody", "Defaults:nobody !authenticate", "/usr/bin/true");
  expect([allowed["message"], counts("SudoRefused", allowed)]).toEqual([
    expect.stringContaining("COMMAND=/usr/bin/true"),
    false,
  ]);
});

test("a unit with a generated name has no stream of its own", () => {
  const stream = (unit: string, identifier = "x") =>
    labels({ _systemd_unit: unit, syslog_identifier: identifier, priority: "3" });
  expect(stream("caddy.service")).toEqual({ host: "web", unit: "caddy.service", level: "error" });
  expect(stream("user@1000.service")).toEqual({ host: "web", unit: "user@.service", level: "error" });
  expect(stream("run-u4711.service")).toEqual(stream("run-r3c9f.service"));
  const container = "0123456789abcdef".repeat(4);
  expect(stream(`${container}.service`)).toEqual({ host: "web", unit: "container.service", level: "error" });
  expect(stream(`${container}-4711aa.service`)).toEqual(stream(`${container}.service`));
  expect(stream("dbus-:1.2-org.example.Thing@3.service")).toEqual(
    stream("dbus-:1.9-org.example.Other@0.service"),
  );
  const nameless = { host: "web", level: "error" };
  for (const unit of ["session-4711.scope", "libpod-0a1b2c.scope", "user-1000.slice"]) {
    expect(stream(unit)).toEqual(nameless);
    expect(stream(unit, "an arbitrary identifier")).toEqual(nameless);
  }
  expect(stream("session-4711.scope", "sudo")).toEqual({ ...nameless, program: "sudo" });
});

real("promtool accepts the form of Loki's rules, and refuses a planted error", () => {
  // Loki has Prometheus' form of rule files; only its expressions are LogQL, which promtool can't read.
  const text = JSON.stringify({
    groups: groups.map((group) => ({
      ...group,
      rules: group.rules.map((rule) => ({ ...rule, expr: "vector(1) > 0" })),
    })),
  });
  const check = (content: string) => {
    work.write("loki.json", content);
    return work.run(["promtool", "check", "rules", "/work/loki.json"]);
  };
  expect(check(text)).toMatchObject({ code: 0 });
  expect(check(text.replace('"for":"10m"', '"for":"ten"')).code).not.toBe(0);
  expect(check(text.replace("{{ $labels.host }}", "{{ $label.host }}")).code).not.toBe(0);
});

test("the log panels select entries as the journal writes them", () => {
  const { logs } = evaluate(
    'import (nix + "/modules/services/monitoring/dashboards.nix") { cacheName = "cache.example.test"; }',
  ) as { logs: { panels: { title: string; targets: { expr: string }[] }[] } };
  const shown = (entry: Entry) =>
    logs.panels
      .filter(({ targets }) => selects(targets[0]?.expr ?? "", labels(entry), entry["message"] ?? ""))
      .map(({ title }) => title);
  expect(shown({ _systemd_unit: "caddy.service", priority: "3", message: "x" })).toEqual(["Errors"]);
  expect(
    shown({ _systemd_unit: "session-1.scope", syslog_identifier: "sudo", priority: "5", message: "x" }),
  ).toEqual(["SSH and sudo"]);
  expect(
    shown({ _systemd_unit: "sshd.service", syslog_identifier: "sshd-session", priority: "6", message: "x" }),
  ).toEqual(["SSH and sudo"]);
  expect(shown({ _systemd_unit: "pantheros-activation.service", priority: "6", message: "x" })).toEqual([
    "Deploys",
  ]);
  expect(logs.panels).toHaveLength(3);
});

test("every alert on logs has a summary and an action, and each host has an alert for a silent journal", () => {
  for (const { annotations } of rules) {
    expect(annotations.summary).toMatch(/\S/);
    expect(annotations.action).toMatch(/\S/);
  }
  expect(rules.filter(({ alert }) => alert === "JournalSilent").map(({ expr }) => expr)).toEqual([
    'absent_over_time({host="web"}[30m])',
    'absent_over_time({host="db"}[30m])',
  ]);
});
