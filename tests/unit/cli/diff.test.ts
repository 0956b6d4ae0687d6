/** `tools/pantheros diff`: which systems are compared, from which stores, and the text. */
import { systemReference } from "../../../cli/diff/systems.ts";
import { diffText } from "../../../cli/diff/text.ts";
import type { HostDetail } from "../../../status/detail.ts";
import { hostOf, store } from "../centre/fixtures.ts";
import { newSystem, oldSystem, status } from "../deployer/fixtures.ts";
import { FleetOnDisk } from "./fleet-on-disk.ts";

const detail: HostDetail = {
  ...hostOf({ name: "web", running: store("b", "web"), wanted: store("c", "web") }),
  deployed: { at: "2026-01-01T00:00:00Z", previous: store("a", "web") },
};

describe("a word for a system", () => {
  test.each<[string, ReturnType<typeof systemReference>]>([
    ["running", { path: store("b", "web") }],
    ["wanted", { path: store("c", "web") }],
    ["previous", { path: store("a", "web") }],
    ["12", { generation: 12 }],
    [store("d", "db"), { path: store("d", "db") }],
  ])("%s", (word, expected) => expect(systemReference(word, detail)).toEqual(expected));

  test.each(["latest", "-1", "/nix/store/x", "toString", "/etc/passwd"])("%j is no system", (word) =>
    expect(() => systemReference(word, detail)).toThrow("is no system: give running, wanted"),
  );

  test("a system that the host does not have", () => {
    expect(() => systemReference("pinned", detail)).toThrow(
      "web: the system that it is pinned to: it has none",
    );
  });
});

test("text: systems, sizes, packages and units, without control characters of a host", () => {
  const text = diffText({
    schemaVersion: 1,
    host: "web",
    from: { name: "previous", path: oldSystem },
    to: { name: "running", path: newSystem },
    closure: {
      before: 1_000_000,
      after: 3_700_000,
      fresh: 45_000,
      freshPaths: 1,
      changed: ["linux 6.12.1 -> 6.12.2"],
      added: ["new\u001b[31m 1"],
      removed: ["old 2"],
      rebuilt: ["etc"],
    },
    units: { changed: ["nginx.service"], added: [], removed: ["old.timer"] },
  });
  expect(
    text,
  ).toBe(`web: previous aaaaaaaa (nixos-system-web-25.11) -> running bbbbbbbb (nixos-system-web-25.11)
closure: 1.0 MB -> 3.7 MB (+2.7 MB); 1 new path, 45.0 kB
packages:
  ~ linux 6.12.1 -> 6.12.2
  + new 1
  - old 2
rebuilt in the same version: etc
units:
  ~ nginx.service
  - old.timer
`);
});

describe("the command", () => {
  let fleet: FleetOnDisk;
  const package1 = `/nix/store/${"p".repeat(32)}-linux-6.12.1`;
  const package2 = `/nix/store/${"q".repeat(32)}-linux-6.12.2`;
  const infos = {
    [oldSystem]: { narSize: 1000, references: [package1] },
    [newSystem]: { narSize: 1000, references: [package2] },
    [package1]: { narSize: 5000, references: [] },
    [package2]: { narSize: 7000, references: [] },
  };
  beforeEach(() => {
    fleet = new FleetOnDisk("diff", { web: { wanted: newSystem, outcome: "held", reason: "waits" } });
    // The local store has nothing; the host has both systems.
    fleet.own.program("nix", "exit 1");
    fleet.ssh(`case "$*" in
*legacy*) echo 'ssh: connect to host x port 22: Connection refused' >&2; exit 255 ;;
*path-info*) echo '${JSON.stringify(infos)}' ;;
*readlink*-7-link*) echo ${oldSystem} ;;
*readlink*) exit 1 ;;
*find*${oldSystem}*) printf 'a.service\\t/nix/store/x-unit-a.service/a.service\\nd.service\\t/nix/store/systemd/d\\n' ;;
*find*) printf 'a.service\\t/nix/store/y-unit-a.service/a.service\\n' ;;
*) echo '${JSON.stringify(status())}' ;;
esac`);
  });
  afterEach(() => fleet.remove());

  test("without systems: running and wanted, read from the host when no other store has them", () => {
    const { code, stdout, stderr } = fleet.call("diff", "web", "--json");
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toMatchObject({
      schemaVersion: 1,
      host: "web",
      from: { name: "running", path: oldSystem },
      to: { name: "wanted", path: newSystem },
      closure: { before: 6000, after: 8000, changed: ["linux 6.12.1 -> 6.12.2"] },
      units: { changed: ["a.service"], added: [], removed: [] },
    });
  });

  test("a generation is looked up on the host, and the same system is said so", () => {
    expect(fleet.call("diff", "web", "7", "running").stdout).toBe(
      "web: 7 and running are the same system, aaaaaaaa\n",
    );
    expect(fleet.call("diff", "web", "8", "running")).toMatchObject({
      code: 1,
      stderr: "pantheros: web: it has no generation 8\n",
    });
  });

  test("a closure that no store has: where it was searched; exit code 1", () => {
    const { code, stderr } = fleet.call("diff", "legacy", "running", newSystem);
    expect(code).toBe(1);
    expect(stderr).toContain("legacy does not answer: its systems are those of the last run\n");
    expect(stderr).toContain(
      "not found in this computer's store, legacy, which does not answer: it was never built",
    );
  });
});
