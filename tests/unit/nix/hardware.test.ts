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
