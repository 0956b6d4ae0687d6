import { existsSync, readFileSync } from "node:fs";
import { loadInventory } from "../../../inventory/load.ts";
import { evaluate } from "./nix.ts";

const of = (report: object) =>
  evaluate(
    `let h = import (nix + "/lib/hardware.nix"); r = builtins.fromJSON ${JSON.stringify(JSON.stringify(report))}; in { cpu = h.cpu r; gpus = h.gpus r; virtual = h.virtual r; }`,
  );

test("a laptop with two graphics processors", () => {
  const report = {
    system: "x86_64-linux",
    virtualisation: "none",
    hardware: {
      cpu: [{ vendor_name: "GenuineIntel" }],
      graphics_card: [{ vendor: { value: 0x8086 } }, { vendor: { value: 0x10de } }],
    },
  };
  expect(of(report)).toEqual({ cpu: "intel", gpus: ["intel", "nvidia"], virtual: false });
});

test("places of graphics processors become the decimal ones that NixOS wants; an odd one is left out", () => {
  const places = (cards: readonly object[]) =>
    evaluate(
      `(import (nix + "/lib/hardware.nix")).busIds (builtins.fromJSON ${JSON.stringify(JSON.stringify({ hardware: { graphics_card: cards } }))})`,
    );
  expect(
    places([
      { vendor: { value: 0x1002 }, sysfs_bus_id: "0000:c4:00.0" },
      { vendor: { value: 0x10de }, sysfs_bus_id: "0000:01:1f.7" },
    ]),
  ).toEqual({ amd: "PCI:196:0:0", nvidia: "PCI:1:31:7" });
  expect(places([{ vendor: { value: 0x8086 }, sysfs_bus_id: "platform" }, { vendor: { value: 1 } }])).toEqual(
    {},
  );
});

test("a rented machine, and one without a report", () => {
  expect(of({ system: "aarch64-linux", virtualisation: "kvm" })).toEqual({
    cpu: "arm",
    gpus: [],
    virtual: true,
  });
  expect(of({})).toEqual({ cpu: "unknown", gpus: [], virtual: false });
});

test("a host's report has the inventory's system", () => {
  const hosts = Object.entries(loadInventory("nix/fleet.toml").hosts);
  const reports = hosts.filter(([name]) => existsSync(`nix/hosts/${name}/facter.json`));
  expect(reports.length).toBeGreaterThan(0);
  for (const [name, host] of reports) {
    const report = JSON.parse(readFileSync(`nix/hosts/${name}/facter.json`, "utf8")) as {
      version: number;
      system: string;
    };
    expect({ name, version: report.version, system: report.system }).toEqual({
      name,
      version: 1,
      system: host.system,
    });
  }
});
