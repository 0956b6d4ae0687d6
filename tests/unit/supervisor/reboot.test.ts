import { type Closure, FakeHost, shells } from "./fake-host.ts";
import { grubMenu } from "./grub-menu.ts";

jest.setTimeout(120_000);

const allow = { reboot: "allow" };
const newKernel: Closure = { kernel: "linux-6.13", conf: allow };

describe.each(shells)("a system that needs a reboot, under $name", ({ shebang }) => {
  let host: FakeHost;
  let old: string;
  beforeEach(() => {
    host = new FakeHost(shebang);
    old = host.installed({ inhibitors: '{"dbus":"dbus","systemd":"/nix/store/aaaa-systemd-258"}' });
  });
  afterEach(() => host.remove());

  const activate = (system: string, token = "t1") => host.run(["activate", system, token]);
  const places = () => [
    host.target("run/current-system"),
    host.profile(),
    host.target("boot/pantheros-default"),
  ];
  /** The machine goes down and boots, and its boot unit runs. */
  const boot = async () => {
    await host.cycle();
    host.run(["resume"]);
  };
  const last = () => host.status()["last"] as Record<string, unknown>;

  test("a new kernel, and a reboot is allowed: started once, checked, confirmed, and only then the boot default", async () => {
    const next = host.closure("next", newKernel);
    const started = activate(next);
    expect(started).toMatchObject({
      status: 0,
      json: { outcome: "rebooting", reason: "kernel linux-6.12 -> linux-6.13", token: "t1" },
    });
    await host.until(() => host.log().includes("reboot"));
    expect(places()).toEqual([old, next, old]); // running, profile, boot default
    expect(host.target("boot/pantheros-once")).toBe(next);
    expect(host.status()).toMatchObject({ phase: "rebooting", activation: { token: "t1", wanted: next } });
    expect(host.run(["activate", next, "t2"])).toMatchObject({ status: 2, json: { step: "busy" } });

    await boot();
    await host.until(() => host.phase() === "waiting");
    expect(places()).toEqual([next, next, old]);
    const { json } = host.run(["confirm", "t1"]);
    expect(json).toMatchObject({ outcome: "confirmed", running: next, booted: next, waits: null });
    expect(json["bootId"]).not.toBe(started.json["bootId"]);
    await host.idle();
    expect(places()).toEqual([next, next, next]);
    expect(host.status()).toMatchObject({ token: "t1", confirmed: true, previous: null, phase: "idle" });
    expect(host.log()).toEqual([`nix-env --set ${next}`, "reboot", `nix-env --set ${next}`, `boot ${next}`]);
  });

  test("a status after the boot continues it if no unit did", async () => {
    const next = host.closure("next", newKernel);
    activate(next);
    await host.until(() => host.log().includes("reboot"));
    await host.cycle();
    expect(host.status()).toMatchObject({ system: next, activation: { token: "t1" } });
    await host.until(() => host.phase() === "waiting");
    expect(host.run(["confirm", "t1"]).json).toMatchObject({ outcome: "confirmed" });
  });

  test("a boot loader that cannot start an entry once: the new system is the default until it fails", async () => {
    host.unlink("boot/pantheros-default");
    const conf = { ...allow, confirm_seconds: 0 };
    const next = host.closure("next", { ...newKernel, conf });
    expect(activate(next).json).toMatchObject({ outcome: "rebooting" });
    await host.until(() => host.log().includes("reboot"));
    expect(host.target("boot/pantheros-default")).toBe(next); // what its `boot` writes
    await boot();
    await host.until(() => host.phase() === "returning");
    expect(host.target("boot/pantheros-default")).toBe(old);
    await boot();
    await host.idle();
    expect(places()).toEqual([old, old, old]);
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "confirm", token: "t1", running: old });
  });

  test("a boot loader that the system has a program for: started once, and not again after a rollback", async () => {
    const program =
      '#!/bin/sh\n[ "$1" = default ] && echo OLD || echo "loader $*" >>"$PANTHEROS_ROOT/fake/log"\n';
    const next = host.closure("next", { ...newKernel, conf: { ...allow, reboot_seconds: 0 } });
    for (const system of [old, next]) {
      host.write(`${system}/sw/bin/pantheros-boot-loader`, program.replace("OLD", old), 0o755);
    }
    activate(next);
    await host.idle();
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "reboot", running: old });
    const log = host.log().filter((entry) => /loader|reboot/.test(entry));
    expect(log).toEqual([`loader once ${next}`, "reboot", "loader cancel"]);
  });

  test("systemd-boot: the old system stays the default, the new one's entry is started once", async () => {
    const next = host.closure("next", newKernel);
    host.unlink("boot/pantheros-default");
    host.write("boot/loader/loader.conf", "default nixos-generation-1.conf\n");
    for (const [generation, system] of [old, next].entries()) {
      const entry = `boot/loader/entries/nixos-generation-${generation + 1}.conf`;
      host.write(entry, `options init=${system}/init quiet\n`);
    }
    expect(activate(next).json).toMatchObject({ outcome: "rebooting" });
    await host.until(() => host.log().includes("reboot"));
    const once = "bootctl set-oneshot nixos-generation-2.conf";
    expect(host.log()).toEqual([`nix-env --set ${next}`, `boot ${old}`, once, "reboot"]);
  });

  test("systemd-boot that cannot start an entry once: the new system becomes the default", async () => {
    const next = host.closure("next", newKernel);
    host.unlink("boot/pantheros-default");
    host.write("fake/no-efi", "");
    host.write("boot/loader/entries/nixos-generation-2.conf", `options init=${next}/init\n`);
    expect(activate(next).json).toMatchObject({ outcome: "rebooting" });
    await host.until(() => host.log().includes("reboot"));
    expect(host.log().slice(-2)).toEqual([`boot ${next}`, "reboot"]);
  });

  describe("GRUB", () => {
    const environment = () => host.read("boot/grub/grubenv");
    const staged = async (fileSystem: string, conf: Record<string, unknown> = {}): Promise<string> => {
      const next = host.closure("next", { ...newKernel, conf: { ...allow, ...conf } });
      host.unlink("boot/pantheros-default");
      host.write("boot/grub/grub.cfg", grubMenu(old, [next, old]));
      host.write("fake/boot-file-system", `${fileSystem}\n`);
      expect(activate(next).json).toMatchObject({ outcome: "rebooting" });
      await host.until(() => host.log().includes("reboot"));
      return next;
    };

    test("the old system stays the default, the new one's entry is started once", async () => {
      host.write(
        "boot/grub/grubenv",
        `# GRUB Environment Block\nkept=yes\nnext_entry=other\n${"#".repeat(971)}`,
      );
      const next = await staged("vfat   /dev/sda2");
      expect(host.log()).toEqual([`nix-env --set ${next}`, `boot ${old}`, "reboot"]);
      expect(environment()).toHaveLength(1024);
      expect(environment().replace(/#+$/, "")).toBe(
        "# GRUB Environment Block\nkept=yes\nnext_entry=NixOS - All configurations>NixOS - Configuration 2 (2026-01-01 - 26.05)\n",
      );
    });

    test.each(["btrfs /dev/sda3", "ext4 /dev/mapper/vg-boot", "vfat /dev/md0", ""])(
      "if GRUB cannot clear the entry's name (%s), the new system becomes the default",
      async (fileSystem) => {
        const next = await staged(fileSystem);
        expect(host.log().slice(-2)).toEqual([`boot ${next}`, "reboot"]);
        expect(host.exists("boot/grub/grubenv")).toBe(false);
      },
    );

    test("a reboot that does not happen leaves no entry for the next one to start", async () => {
      const next = await staged("vfat /dev/sda2", { reboot_seconds: 2 });
      // It never goes down: the supervisor stops waiting, and the next reboot is made by hand.
      await host.idle();
      expect(host.status()).toMatchObject({ system: old });
      expect(environment()).not.toContain("next_entry");
      expect(environment()).toHaveLength(1024);
      expect(next).not.toBe(old);
    });
  });

  test("unhealthy after its boot: the old system is the boot default again and boots by itself", async () => {
    const checks = [["command", "sums", "echo no; exit 1", "-", "-", "5"]];
    const next = host.closure("next", { ...newKernel, checks });
    activate(next);
    await host.until(() => host.log().includes("reboot"));
    await boot();
    await host.until(() => host.log().filter((entry) => entry === "reboot").length === 2);
    expect(host.status()).toMatchObject({ system: next, phase: "returning", profile: old });

    await boot();
    await host.idle();
    expect(places()).toEqual([old, old, old]);
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "health", wanted: next, recorded: old });
    expect(last()["reason"]).toContain("sums (command");
    expect(host.status()).toMatchObject({ phase: "idle", token: null });
    expect(host.exists("nix/var/nix/gcroots/pantheros-recorded")).toBe(false);
  });

  test("no confirmation after the boot: the same", async () => {
    const next = host.closure("next", { ...newKernel, conf: { ...allow, confirm_seconds: 0 } });
    activate(next);
    await host.until(() => host.log().includes("reboot"));
    await boot();
    await host.until(() => host.phase() === "returning");
    await boot();
    await host.idle();
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "confirm", running: old });
    expect(places()).toEqual([old, old, old]);
  });

  test("the machine comes up with the old system: reported, and nothing of the new one remains", async () => {
    const next = host.closure("next", newKernel);
    activate(next);
    await host.until(() => host.log().includes("reboot"));
    host.unlink("boot/pantheros-once"); // started, panicked, and the loader took its default
    await boot();
    await host.idle();
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "reboot", running: old });
    expect(last()["reason"]).toContain(`came up with ${old} instead`);
    expect(places()).toEqual([old, old, old]);
  });

  test("a power cut while the new system waits: the old one is restored", async () => {
    const next = host.closure("next", newKernel);
    activate(next);
    await host.until(() => host.log().includes("reboot"));
    await boot();
    await host.until(() => host.phase() === "waiting");
    host.link("boot/pantheros-default", next); // as where entries cannot be started once
    await boot();
    await host.until(() => host.phase() === "returning");
    await boot();
    await host.idle();
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "waiting", running: old });
    expect(last()["reason"]).toBe("the machine went down while waiting");
    expect(places()).toEqual([old, old, old]);
  });

  test("the supervisor is killed while the new system waits: the old one boots", async () => {
    const next = host.closure("next", newKernel);
    activate(next);
    await host.until(() => host.log().includes("reboot"));
    await boot();
    await host.until(() => host.phase() === "waiting");
    host.killMain();
    await host.until(() => host.phase() === "returning");
    await boot();
    await host.idle();
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "waiting", running: old });
  });

  test("a power cut during the rollback: the result has the first cause", async () => {
    const checks = [["command", "sums", "exit 1", "-", "-", "5"]];
    const slow = 'echo x >"$PANTHEROS_ROOT/fake/undoing"; sleep 300';
    host.write(`${old}/on-boot`, `#!/bin/sh\n${slow}\n`, 0o755);
    const next = host.closure("next", { ...newKernel, checks });
    activate(next);
    await host.until(() => host.log().includes("reboot"));
    await boot();
    await host.until(() => host.exists("fake/undoing"));
    host.unlink(`${old}/on-boot`);
    await boot();
    await host.idle();
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "health", running: old });
    expect(places()).toEqual([old, old, old]);
  });

  test("a reboot that does not happen is given up, and nothing changes", async () => {
    const next = host.closure("next", { ...newKernel, conf: { ...allow, reboot_seconds: 0 } });
    activate(next);
    await host.idle();
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "reboot", running: old });
    expect(last()["reason"]).toContain("still up after 0 s");
    expect(places()).toEqual([old, old, old]);
    expect(host.exists("boot/pantheros-once")).toBe(false);

    host.write("fake/reboot-fails", "");
    const other = host.closure("other", newKernel);
    activate(other, "t2");
    await host.idle();
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "reboot", token: "t2", running: old });
    expect(last()["reason"]).toBe("Failed to reboot");
  });

  test("the boot loader fails while the system is staged: rolled back, no reboot", async () => {
    host.unlink("boot/pantheros-default");
    const next = host.closure("next", { ...newKernel, onBoot: "echo no space left on /boot; exit 1" });
    expect(activate(next).json).toMatchObject({ outcome: "rolled-back", step: "commit", running: old });
    await host.idle();
    expect(host.log()).not.toContain("reboot");
    expect(host.profile()).toBe(old);
  });

  test("an inhibitor differs, and a reboot is forbidden: staged, and confirmed after a reboot by hand", async () => {
    const next = host.closure("next", { inhibitors: '{"dbus":"broker","new":"x"}' });
    const staged = activate(next);
    expect(staged).toMatchObject({ status: 0, json: { outcome: "staged", step: "reboot", running: old } });
    expect(staged.json["reason"]).toContain("dbus dbus -> broker");
    await host.idle();
    expect(places()).toEqual([old, next, next]);
    expect(host.log()).not.toContain("reboot");
    const waits = { staged: { token: "t1", wanted: next }, phase: "idle", system: old, confirmed: false };
    expect(host.status()).toMatchObject(waits);
    // Repeating it is harmless.
    expect(activate(next, "t2").json).toMatchObject({ outcome: "staged" });
    await host.idle();

    host.reboot();
    host.run(["resume"]);
    expect(host.status()).toMatchObject({ staged: null, system: next, booted: next, confirmed: false });
    expect(activate(next, "t3").json).toMatchObject({ outcome: "current" });
    expect(host.run(["confirm", "t3"]).json).toMatchObject({ outcome: "confirmed" });
    expect(host.status()).toMatchObject({ token: "t3", confirmed: true });
  });

  test("a staged system is replaced by another one: a rollback restores the running system", async () => {
    activate(old, "t0");
    host.run(["confirm", "t0"]);
    activate(host.closure("staged", { inhibitors: '{"dbus":"broker"}' }));
    await host.idle();
    const next = host.closure("next", { onBoot: "exit 1" });
    activate(next, "t2");
    host.run(["confirm", "t2"]);
    await host.idle();
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "commit", running: old });
    const good = host.closure("good");
    expect(activate(good, "t3").json).toMatchObject({ outcome: "waiting" });
    expect(host.run(["confirm", "t3"]).json).toMatchObject({ outcome: "confirmed" });
    await host.idle();
    expect(places()).toEqual([good, good, good]);
    expect(host.status()).toMatchObject({ staged: null });
    expect(host.target("nix/var/nix/gcroots/pantheros-previous")).toBe(old);
  });

  test("an inhibitor differs, and a reboot is allowed: it reboots", async () => {
    const next = host.closure("next", {
      inhibitors: '{"systemd":"/nix/store/bbbb-systemd-259"}',
      conf: allow,
    });
    const { json } = activate(next);
    expect(json).toMatchObject({ outcome: "rebooting", reason: "systemd systemd-258 -> systemd-259" });
  });

  test("only the kernel differs, and a reboot is forbidden: a live switch, and the result names the kernel", async () => {
    const next = host.closure("next", { kernel: "linux-6.13" });
    expect(activate(next).json).toMatchObject({ outcome: "waiting" });
    const { json } = host.run(["confirm", "t1"]);
    expect(json).toMatchObject({ outcome: "confirmed", waits: "kernel linux-6.12 -> linux-6.13" });
    const status = host.status();
    expect(status).toMatchObject({ confirmed: true, reboot: "never" });
    expect(status["kernel"]).toContain("6.13");
    expect(status["bootedKernel"]).toContain("6.12");
  });

  test("the system runs without its kernel, and a reboot is allowed: it reboots", async () => {
    const next = host.closure("next", newKernel);
    for (const link of ["run/current-system", "boot/pantheros-default"]) host.link(link, next);
    expect(activate(next).json).toMatchObject({ outcome: "rebooting" });
    await host.until(() => host.log().includes("reboot"));
    await boot();
    await host.until(() => host.phase() === "waiting");
    expect(host.run(["confirm", "t1"]).json).toMatchObject({ outcome: "confirmed", booted: next });
  });

  test("the boot unit changes nothing without an activation", async () => {
    expect(host.run(["resume"])).toMatchObject({ status: 0, stdout: "" });
    const next = host.closure("next");
    activate(next);
    host.run(["resume"]);
    expect(host.phase()).toBe("waiting");
    expect(host.run(["confirm", "t1"]).json).toMatchObject({ outcome: "confirmed" });
    await host.idle();
    host.reboot();
    host.run(["resume"]);
    expect(host.status()).toMatchObject({ phase: "idle", last: { outcome: "confirmed" } });
  });
});
