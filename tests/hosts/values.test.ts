import { loadInventory } from "../../inventory/load.ts";
import { evaluatedHosts, type Host, unitValues } from "./written.ts";

const inventory = loadInventory("nix/fleet.toml");
const hosts = evaluatedHosts();
const hostOf = (name: string) => {
  const host = inventory.hosts[name];
  if (host === undefined) throw new Error(`${name} is not in nix/fleet.toml`);
  return host;
};
const isImage = ({ name }: Host) => hostOf(name).provider.kind === "image";
const isServer = ({ name }: Host) => hostOf(name).profiles.includes("server");
const unitOf = (host: Host, name: string) => host.units[name]?.text ?? "";

describe.each(hosts.map((host) => [host.name, host] as const))("%s", (name, host) => {
  const { values } = host;

  test("has its name, and reads the caches of the inventory", () => {
    expect(values.hostName).toBe(name);
    const own = inventory.cache.url === undefined ? [] : [inventory.cache.url];
    for (const url of own) expect(values.nix.substituters).toContain(url);
    expect(values.nix.substituters).toContain("https://cache.nixos.org/");
    expect(values.nix.minFree).toBeGreaterThan(0);
  });

  test("opens no port besides those of its firewall's policy", () => {
    const tailnet = values.services.tailscale ? [41641] : [];
    expect(values.firewall).toEqual({
      enable: true,
      allowedTCPPorts: [],
      allowedUDPPorts: isImage(host) ? [] : tailnet,
      allowedTCPPortRanges: [],
      allowedUDPPortRanges: [],
    });
  });

  test("starts a unit with secrets when they exist, and again when one changes", () => {
    for (const [secret, { path, services }] of Object.entries(values.secrets)) {
      for (const service of services) {
        const unit = unitOf(host, `${service}.service`);
        const conditions = unitValues(unit, "Unit", "ConditionPathExists");
        expect([secret, service, conditions]).toEqual([secret, service, expect.arrayContaining([path])]);
        expect([secret, values.watchedSecrets]).toEqual([secret, expect.arrayContaining([path])]);
      }
    }
  });

  test("reboots by itself from a kernel that panics or hangs, unless a person sits at it", () => {
    const panic = values.kernelParams.filter((parameter) => parameter.startsWith("panic="));
    expect(panic).toEqual(isServer(host) ? ["panic=30"] : []);
    const serial = values.kernelParams.filter((parameter) => /^console=tty(S|AMA)/.test(parameter));
    expect(serial).toHaveLength(isServer(host) ? 1 : 0);
  });

  test("boots from a loader that its disk has", () => {
    const layout = hostOf(name).storage.layout;
    const loaders = Object.entries(values.loader).filter(([, on]) => on);
    expect([layout, loaders.length]).toEqual([layout, isImage(host) ? loaders.length : 1]);
    if (layout === "sdcard") expect(values.loader.extlinux).toBe(true);
  });

  test("has an image for its card, with U-Boot in front of the first partition", () => {
    if (hostOf(name).storage.layout !== "sdcard") return;
    const { image } = host;
    expect(image?.name).toContain("sd-image");
    const sectors = [...(image?.postBuildCommands.matchAll(/seek=(\d+)/g) ?? [])].map(([, at]) => Number(at));
    expect(sectors).toEqual([64, 16384]);
    expect((image?.firmwarePartitionOffset ?? 0) * 2048).toBeGreaterThan(16384);
  });

  test("starts a system once with GRUB, as the supervisor asks it to", () => {
    const { grubInstaller: installer, fileSystems } = values;
    if (installer === null) return;
    // grub_start_once in nix/modules/deployment/supervisor/reboot.sh writes this variable.
    const handled = /set default=\\"\\\$\{next_entry\}\\"\s+set next_entry=\s+save_env next_entry/;
    expect(installer).toMatch(handled);
    if (!isImage(host)) expect(["vfat", "ext4"]).toContain(fileSystems["/boot"]);
  });

  test("has a person who can log in at its keyboard, if it has one", () => {
    const people = Object.values(values.accounts).filter(
      ({ isNormalUser, hasPassword }) => isNormalUser && hasPassword,
    );
    if (hostOf(name).profiles.includes("workstation")) expect(people).not.toEqual([]);
    const root = ["docker", "podman"];
    for (const { extraGroups } of Object.values(values.accounts).filter(({ isNormalUser }) => isNormalUser))
      expect(extraGroups.filter((group) => root.includes(group))).toEqual([]);
  });

  test("asks no resolver or vendor for an address that the inventory names", () => {
    const { provider } = hostOf(name);
    const uplink = host.networks["10-uplink.network"];
    if (provider.kind !== "hetzner") return;
    expect(unitValues(uplink ?? "", "Network", "DHCP")).toEqual(["ipv4"]);
    expect(host.units["pantheros-uplink.service"]).toBeDefined();
  });

  test("keeps a router's services starting, whatever passes", () => {
    if (hostOf(name).router === undefined) return;
    const restarts = Object.entries(host.units)
      .filter(([unit, { wantedBy }]) => unit.endsWith(".service") && wantedBy.length > 0)
      .filter(([, { text }]) => unitValues(text, "Service", "ExecStart").length > 0)
      .filter(([, { text }]) => unitValues(text, "Service", "Type").at(-1) !== "oneshot")
      // These end when they have done their work; systemd's own files say so, not NixOS'.
      .filter(([unit]) => !/^(reload-systemd-vconsole-setup|systemd-networkd-wait-online)\./.test(unit));
    expect(restarts.map(([unit]) => unit)).toEqual(
      expect.arrayContaining(["kea-dhcp4-server.service", "blocky.service", "sshd.service", "alloy.service"]),
    );
    for (const [unit, { text }] of [
      ...restarts,
      ["systemd-networkd.service", host.units["systemd-networkd.service"] ?? { text: "" }] as const,
    ]) {
      expect([unit, unitValues(text, "Service", "Restart")]).toEqual([unit, ["always"]]);
      expect([unit, unitValues(text, "Unit", "StartLimitIntervalSec")]).toEqual([unit, ["0"]]);
    }
    // These need the internet, which may be away for longer than systemd's limit allows.
    for (const unit of [
      "tailscaled-autoconnect.service",
      "tailscaled-set.service",
      "opnix-secrets.service",
    ]) {
      const text = unitOf(host, unit);
      expect([unit, unitValues(text, "Service", "Restart")]).toEqual([unit, ["on-failure"]]);
      expect([unit, unitValues(text, "Unit", "StartLimitIntervalSec")]).toEqual([unit, ["0"]]);
    }
    expect(values.sysctl).toMatchObject({
      "net.ipv4.conf.all.forwarding": "1",
      "net.ipv6.conf.all.forwarding": "1",
    });
  });
});
