import { rebootReasons } from "../../../components/nixos-host/preview/host.ts";
import { unitChanges } from "../../../deployer/closures/units.ts";
import type { Target } from "../../../deployer/evaluation/target.ts";
import type { Probe } from "../../../deployer/probe.ts";
import type { SupervisorStatus } from "../../../deployer/protocol/supervisor.ts";
import { drv, newSystem, oldSystem, status } from "../deployer/fixtures.ts";
import { previewText } from "./preview-text.ts";

const hash = (letter: string) => letter.repeat(32);
const kernel = (version: string) => `/nix/store/${hash("k")}-linux-${version}/bzImage`;
const target: Target = {
  drvPath: drv("b"),
  outPath: newSystem,
  system: "x86_64-linux",
  kernel: kernel("6.18"),
  inhibitors: { "dbus-implementation": "broker" },
  units: { "web.service": "/nix/store/new/web.service", "new.timer": "/nix/store/n/new.timer" },
};
const reached = (more: Partial<SupervisorStatus>): Probe => ({
  reached: true,
  user: "deploy",
  status: status(more),
});

test("a converged host has no text", () => {
  expect(previewText("web", target, reached({ system: newSystem, token: "t1" }))).toBeUndefined();
});

test("what runs, what is wanted, units, reboot reasons and the last failure", () => {
  const probe = reached({
    kernel: kernel("6.12"),
    inhibitors: { "dbus-implementation": "dbus" },
    failedUnits: ["db.service"],
    units: {
      "web.service": "/nix/store/old/web.service",
      "gone.socket": "/nix/store/g-unit-gone.socket/gone.socket",
    },
    last: { outcome: "rolled-back", step: "health", reason: "first\nweb: status 502", wanted: newSystem },
  });
  expect(previewText("web", target, probe, { reboot: "allow" })).toBe(
    [
      "web: the last attempt ended rolled-back at health",
      "  runs    aaaaaaa nixos-system-web-25.11",
      "  wanted  bbbbbbb nixos-system-web-25.11 (not built)",
      "  units   ~ web.service  + new.timer  - gone.socket",
      "  reboot  needed, up reboots the host: kernel linux-6.12 -> linux-6.18, dbus-implementation dbus -> broker",
      "  failed  db.service (now)",
      "  last    rolled-back at health: web: status 502",
    ].join("\n"),
  );
});

test("a reboot that the inventory does not allow: the system or its kernel waits for the next one", () => {
  const dbus = { inhibitors: { "dbus-implementation": "dbus" } };
  expect(previewText("web", target, reached({ kernel: target.kernel, ...dbus }))).toContain(
    "reboot  needed but not allowed, up stages the system for the next reboot: dbus-implementation dbus -> broker",
  );
  // The booted kernel counts, not that of a system that was switched to since.
  const switched = { kernel: target.kernel, bootedKernel: kernel("6.12") };
  expect(previewText("web", target, reached(switched))).toContain(
    "reboot  needed for the kernel only but not allowed, the kernel waits for the next reboot: kernel linux-6.12 -> linux-6.18",
  );
});

test("drift: the differing profile or boot default is named", () => {
  expect(previewText("web", target, reached({ system: newSystem, profile: oldSystem }))).toMatch(
    /drift.*\n.*\n {2}profile aaaaaaa/,
  );
  expect(previewText("web", target, reached({ system: newSystem, bootDefault: oldSystem }))).toMatch(
    /boots {3}aaaaaaa/,
  );
});

test("a host that does not answer: reason and hint", () => {
  const text = previewText("web", target, {
    reached: false,
    reason: "ssh: Connection refused",
    hint: "check that it is up",
  });
  expect(text).toBe(
    "web: the host does not answer: ssh: Connection refused\n  wanted  bbbbbbb nixos-system-web-25.11\n  hint    check that it is up",
  );
});

test("hundreds of changed units are cut to a short line", () => {
  const units = Object.fromEntries(
    Array.from({ length: 300 }, (_, at) => [
      `u${at}.service`,
      `/nix/store/x-unit-u${at}.service/u${at}.service`,
    ]),
  );
  const text = previewText("web", target, reached({ units })) ?? "";
  expect(text.length).toBeLessThan(900);
  expect(text).toContain("and 292 more");
});

test("only an inhibitor that both systems have can prevent a switch", () => {
  expect(rebootReasons(status({ inhibitors: null }), target)).toEqual([]);
  expect(rebootReasons(status({ inhibitors: { other: "x" } }), target)).toEqual([]);
});

test("changes of NixOS's own units are listed; those of package units are not", () => {
  const own = (name: string, hash = "1") => `/nix/store/${hash}-unit-${name}/${name}`;
  const links = {
    a: own("a"),
    b: own("b"),
    c: own("c"),
    "dbus.service": "/nix/store/1-dbus/etc/dbus.service",
  };
  expect(unitChanges(links, { b: own("b"), c: own("c", "2"), d: own("d") })).toEqual({
    changed: ["c"],
    added: ["d"],
    removed: ["a"],
  });
});
