import { readFileSync } from "node:fs";
import { loadInventory } from "../../inventory/load.ts";
import { evaluate } from "../unit/nix/nix.ts";
import { evaluatedHosts } from "./written.ts";

const inventory = loadInventory("nix/fleet.toml");
const hosts = evaluatedHosts();
const workstations = hosts.filter(({ name }) => inventory.hosts[name]?.profiles.includes("workstation"));
const reportOf = (name: string) =>
  evaluate(
    `(import (nix + "/lib/hardware.nix")).gpus (builtins.fromJSON ${JSON.stringify(readFileSync(`nix/hosts/${name}/facter.json`, "utf8"))})`,
  ) as readonly string[];

test("only machines that people sit at have a desktop", () => {
  const having = hosts.filter(({ desktop }) => desktop !== null).map(({ name }) => name);
  expect(having).toEqual(workstations.map(({ name }) => name));
});

const desktops = workstations.flatMap((host) =>
  host.desktop === null ? [] : [{ name: host.name, host, desktop: host.desktop }],
);

for (const { name, host, desktop } of desktops)
  describe(name, () => {
    test("a person logs in at a greeter, and gets niri with its shell", () => {
      expect(desktop.greeter).toMatchObject({ enable: true, greetd: true, compositor: "niri" });
      expect([desktop.niri, desktop.portals, desktop.keyring]).toEqual([true, true, true]);
      expect(desktop.shell).toEqual({ enable: true, enableDynamicTheming: true });
      // The password is typed with the session's keyboard.
      const [, layout] = /layout ("[^"]*")/.exec(desktop.configuration) ?? [];
      expect(layout).toBeDefined();
      expect(desktop.greeter.keyboard).toContain(`layout ${layout}`);
      const people = Object.entries(host.values.accounts).filter(([, { hasPassword }]) => hasPassword);
      expect(people.map(([person]) => person)).toEqual(expect.arrayContaining([...desktop.onePassword]));
      expect(desktop.onePassword).not.toEqual([]);
    });

    test("has sound, devices, power and a browser that opens links", () => {
      expect(desktop.sound).toEqual({ enable: true, pulse: true, realtime: true });
      expect([desktop.bluetooth, desktop.printing]).toEqual([true, true]);
      expect(desktop.power).toMatchObject({ battery: true, profiles: true });
      expect(desktop.opensWeb).toBe("zen-beta.desktop");
      expect(desktop.packages).toContain("zen");
    });

    test("printing and discovery open no port for them", () => {
      expect([host.values.firewall.allowedTCPPorts, host.values.firewall.allowedUDPPorts]).toEqual([
        [],
        [41641],
      ]);
    });

    test("its drivers are those of the processors in its hardware report", () => {
      const gpus = reportOf(name);
      expect(gpus).not.toEqual([]);
      const { drivers, open, prime } = desktop.nvidia;
      expect(drivers.includes("nvidia")).toBe(gpus.includes("nvidia"));
      if (!gpus.includes("nvidia")) return;
      expect(open).toBe(true);
      expect(prime.offload).toBe(gpus.length > 1);
      expect(prime.nvidiaBusId).toMatch(/^PCI:\d+:\d+:\d+$/);
      expect([prime.intelBusId !== "", prime.amdgpuBusId !== ""]).toEqual([
        gpus.includes("intel"),
        gpus.includes("amd"),
      ]);
    });

    test("terminal, console and desktop have one theme", () => {
      const theme = (
        evaluate('import (nix + "/lib/theme.nix")') as { dark: { accent: string; terminal: string[] } }
      ).dark;
      expect(desktop.console).toEqual(theme.terminal.map((colour) => colour.slice(1)));
      expect(desktop.configuration).toContain(`active-color "${theme.accent}"`);
      expect(desktop.fonts).toHaveLength(1);
    });
  });
