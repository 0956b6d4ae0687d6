import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { FakeRoot } from "./fake-system.ts";

let fake: FakeRoot;
beforeEach(() => {
  fake = new FakeRoot();
});
afterEach(() => fake.remove());

const at = (path: string) => join(fake.root, path);
const text = (path: string) => readFileSync(at(path), "utf8");
const running = () => readlinkSync(at("run/current-system"));

describe("switch", () => {
  test("activates, starts the wanted units, and makes the system the boot default", () => {
    const system = fake.system({ units: { "a.service": "1", "b.service": "1" } });
    const { code, stderr, calls } = fake.switch(system, "switch");
    expect(code).toBe(0);
    expect(stderr).toBe(
      "Checking switch inhibitors... done\nactivating the configuration...\nthe following new units were started: a.service, b.service\n",
    );
    expect(calls).toEqual(["systemctl daemon-reload", "systemctl start a.service b.service"]);
    expect(running()).toBe(system);
    expect(readlinkSync(at("boot/pantheros-default"))).toBe(system);
    expect(readlinkSync(at("run/systemd/system/a.service"))).toBe("/nix/store/1-unit-a.service/a.service");
  });

  test("stops removed units, restarts changed ones, leaves the others running", () => {
    fake.switch(
      fake.system({ units: { "same.service": "1", "new.service": "1", "gone.service": "1" } }),
      "test",
    );
    const next = fake.system({ units: { "same.service": "1", "new.service": "2", "more.service": "1" } });
    const { stderr, calls } = fake.switch(next, "test");
    expect(stderr.split("\n").slice(1)).toEqual([
      "stopping the following units: gone.service, new.service",
      "activating the configuration...",
      "starting the following units: new.service",
      "the following new units were started: more.service",
      "",
    ]);
    expect(calls[0]).toBe("systemctl stop gone.service new.service");
    expect(calls.at(-1)).toBe("systemctl start more.service new.service same.service");
    expect(readdirSync(at("run/systemd/system")).toSorted()).toEqual([
      "more.service",
      "new.service",
      "same.service",
    ]);
  });

  test("stops and reports nothing the second time", () => {
    const system = fake.system({ units: { "a.service": "1" } });
    fake.switch(system, "switch");
    const { code, stderr, calls } = fake.switch(system, "switch");
    expect([code, stderr]).toEqual([
      0,
      "Checking switch inhibitors... done\nactivating the configuration...\n",
    ]);
    expect(calls).toEqual(["systemctl daemon-reload", "systemctl start a.service"]);
  });

  test("reloads sshd and restarts the Nix daemon when their configuration changed", () => {
    fake.switch(
      fake.system({
        etc: { "ssh/sshd_config.d/00.conf": ["symlink", "a\n"], "nix/x.conf": ["symlink", "a\n"] },
      }),
      "test",
    );
    const { calls } = fake.switch(
      fake.system({
        etc: { "ssh/sshd_config.d/00.conf": ["symlink", "b\n"], "nix/x.conf": ["symlink", "b\n"] },
      }),
      "test",
    );
    expect(calls).toEqual(
      expect.arrayContaining(["systemctl reload ssh.service", "systemctl try-restart nix-daemon.service"]),
    );
    const same = fake.system({
      etc: { "ssh/sshd_config.d/00.conf": ["symlink", "b\n"], "nix/x.conf": ["symlink", "b\n"] },
    });
    expect(fake.switch(same, "test").calls).toEqual(["systemctl daemon-reload"]);
  });

  test("exits 4 and names the units that failed", () => {
    writeFileSync(at("failing"), "bad.service\n");
    const { code, stderr } = fake.switch(
      fake.system({ units: { "bad.service": "1", "good.service": "1" } }),
      "test",
    );
    expect(code).toBe(4);
    expect(stderr).toContain(
      "the following new units were started: good.service\nwarning: the following units failed: bad.service\n\n",
    );
  });

  test("exits 2 when the activation script failed, after the rest of it", () => {
    const system = fake.system({ activation: "fail", units: { "a.service": "1" } });
    const { code, stderr, calls } = fake.switch(system, "test");
    expect(code).toBe(2);
    expect(stderr).toContain(
      "Activation script snippet 'sandbox' failed (1)\nFailed to run activate script\n",
    );
    expect(calls).toContain("systemctl start a.service");
    expect(running()).toBe(system);
  });
});

describe("actions", () => {
  test("test keeps the boot default, boot changes nothing else", () => {
    const [first, second] = [fake.system({}), fake.system({ units: { "a.service": "1" } })];
    fake.switch(first, "switch");
    fake.switch(second, "test");
    expect([running(), readlinkSync(at("boot/pantheros-default"))]).toEqual([second, first]);
    fake.switch(first, "test");
    expect(fake.switch(second, "boot")).toEqual({ code: 0, stderr: "", calls: [] });
    expect([running(), readlinkSync(at("boot/pantheros-default"))]).toEqual([first, second]);
  });

  test("dry-activate prints the changes and makes none", () => {
    const first = fake.system({ units: { "gone.service": "1", "new.service": "1" } });
    fake.switch(first, "test");
    const { code, stderr, calls } = fake.switch(
      fake.system({
        units: { "new.service": "2", "more.service": "1" },
        etc: { "ssh/sshd_config.d/0.conf": ["symlink", "x"] },
      }),
      "dry-activate",
    );
    expect([code, calls, running()]).toEqual([0, [], first]);
    expect(stderr.split("\n")).toEqual([
      "would stop the following units: gone.service, new.service",
      "would activate the configuration...",
      "would reload the following units: ssh.service",
      "would start the following units: more.service, new.service",
      "",
    ]);
  });

  test("an unknown action is refused with the usage", () => {
    const { code, stderr } = fake.switch(fake.system({}), "explode");
    expect([code, stderr.split("\n")[0]]).toEqual([
      1,
      "Usage: switch-to-configuration [check|switch|boot|test|dry-activate]",
    ]);
  });

  test("only one runs at a time", async () => {
    mkdirSync(at("run/nixos"), { recursive: true });
    const lock = at("run/nixos/switch-to-configuration.lock");
    const holder = spawn("flock", [lock, "sh", "-c", "echo held; read -r line"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(holder.stdout, "data");
    expect(fake.switch(fake.system({}), "test")).toEqual({
      code: 1,
      stderr: "Could not acquire lock\n",
      calls: [],
    });
    expect(existsSync(at("run/current-system"))).toBe(false);
    holder.stdin.end();
    await once(holder, "exit");
  });
});

describe("inhibitors", () => {
  const change = () => {
    fake.switch(fake.system({ inhibitors: { dbus: "dbus", old: "1" } }), "test");
    return fake.system({ inhibitors: { dbus: "broker", fresh: "1" } });
  };

  test.each(["switch", "test", "check"])("stop %s when a value that both systems have differs", (action) => {
    const next = change();
    const before = running();
    const { code, stderr, calls } = fake.switch(next, action);
    expect([code, calls, running()]).toEqual([1, [], before]);
    expect(stderr).toContain(
      "\nThere are changes to critical components of the system:\n\ndbus : dbus -> broker\n\nSwitching",
    );
    expect(stderr.endsWith("Pre-switch check 'switchInhibitors' failed\nPre-switch checks failed\n")).toBe(
      true,
    );
    expect(existsSync(at("boot/pantheros-default"))).toBe(false);
  });

  test("do not stop boot, nor a switch without checks", () => {
    const next = change();
    expect(fake.switch(next, "boot").code).toBe(0);
    expect(fake.switch(next, "test", { NIXOS_NO_CHECK: "1" }).code).toBe(0);
    expect(running()).toBe(next);
  });
});

describe("/etc", () => {
  const owner = { "sudoers.d/deploy": ["0440", "rule\n"], motd: ["symlink", "new\n"] } as const;

  test("has links, and copies with their modes", () => {
    fake.switch(fake.system({ etc: owner }), "test");
    expect(statSync(at("etc/sudoers.d/deploy")).mode & 0o777).toBe(0o440);
    expect(text("etc/motd")).toBe("new\n");
    expect(text("etc/.pantheros-etc").trim().split("\n")).toEqual(["hostname", "motd", "sudoers.d/deploy"]);
  });

  test("loses files that the next system lacks, and gets the original files back", () => {
    mkdirSync(at("etc"));
    writeFileSync(at("etc/motd"), "Debian\n");
    fake.switch(fake.system({ etc: owner }), "test");
    fake.switch(fake.system({ etc: { motd: ["symlink", "newer\n"] } }), "test");
    expect(existsSync(at("etc/sudoers.d"))).toBe(false);
    expect(text("etc/motd")).toBe("newer\n");
    fake.switch(fake.system({}), "test");
    expect(text("etc/motd")).toBe("Debian\n");
    expect(text("etc/.pantheros-etc")).toBe("hostname\n");
  });

  test("is readable by every user, whatever the caller's umask", () => {
    const system = fake.system({ etc: { "ssh/authorized_keys.d/deploy": ["0444", "key\n"] } });
    const { code } = fake.run("sh", ["-c", `umask 077; exec ${system}/bin/switch-to-configuration test`]);
    expect(code).toBe(0);
    expect(statSync(at("etc/ssh/authorized_keys.d")).mode & 0o777).toBe(0o755);
  });
});

test("accounts are created and deleted with the systems that declare them; others stay", () => {
  writeFileSync(at("accounts/somebody"), "");
  fake.switch(fake.system({ users: ["deploy"] }), "test");
  expect(readdirSync(at("accounts")).toSorted()).toEqual(["deploy", "somebody"]);
  fake.switch(fake.system({}), "test");
  expect(readdirSync(at("accounts"))).toEqual(["somebody"]);
});

test("an entry that is started once passes the boot to its system, and is removed", () => {
  const next = fake.system({ units: { "next.service": "1" } });
  const system = fake.system({ units: { "a.service": "1" } });
  for (const directory of ["boot", "run"]) mkdirSync(at(directory), { recursive: true });
  symlinkSync(next, at("boot/pantheros-once"));
  const boot = () => fake.run(join(system, "bin/pantheros-stage2"), []);
  expect(boot().calls).toContain("systemctl start --no-block next.service");
  expect([readlinkSync(at("run/booted-system")), running()]).toEqual([next, next]);
  expect(existsSync(at("boot/pantheros-once"))).toBe(false);
  boot();
  expect([readlinkSync(at("run/booted-system")), running()]).toEqual([system, system]);
});

test("a boot activates the system and starts its units without waiting for them", () => {
  const tested = fake.system({ units: { "tested.service": "1" }, etc: { motd: ["symlink", "tested\n"] } });
  fake.switch(tested, "test");
  const system = fake.system({ units: { "a.service": "1" } });
  const { code, calls } = fake.run(join(system, "bin/pantheros-stage2"), []);
  expect(code).toBe(0);
  expect([readlinkSync(at("run/booted-system")), running()]).toEqual([system, system]);
  expect(calls).toEqual(["systemctl daemon-reload", "systemctl start --no-block a.service"]);
  expect(existsSync(at("etc/motd"))).toBe(false);
  expect(readdirSync(at("run/systemd/system"))).toEqual(["a.service"]);
});
