import type { TailscaleApi } from "../../../clients/tailscale/api.ts";
import type { Device } from "../../../clients/tailscale/devices.ts";
import { claimName, type NameFinding, nameFinding } from "../../../deployer/tailnet-device/names.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const OWN = "tag:host-web";

const device = (label: string, more: Partial<Device> = {}): Device => ({
  nodeId: `n${label.replaceAll("-", "")}CNTRL`,
  name: `${label}.tail0000.ts.net`,
  hostname: label.replace(/-\d+$/, ""),
  tags: ["tag:server", OWN],
  user: "tagged-devices",
  created: "2026-01-01T00:00:00Z",
  lastSeen: "2026-02-01T00:00:00Z",
  connectedToControl: false,
  ...more,
});
const on: Partial<Device> = { connectedToControl: true };
const later: Partial<Device> = { created: "2026-02-20T00:00:00Z" };
/** A device of a person, without tags. */
const laptop = (label: string, more: Partial<Device> = {}): Device => {
  const { tags: _, ...rest } = device(label, { user: "ada@example.test", ...more });
  return rest;
};
const find = (devices: readonly Device[], nodeId?: string): NameFinding =>
  nameFinding(devices, { host: "web", tag: OWN, nodeId }, NOW);
const shown = ({ name, remove, rename, problem }: NameFinding) => ({
  label: name?.split(".")[0],
  removes: remove.map((each) => each.name.split(".")[0]),
  renames: rename?.name.split(".")[0],
  problem,
});
const fine = { label: "web", removes: [], renames: undefined, problem: false };

describe("nothing to say", () => {
  test.each([
    ["the host has its name", [device("web", on), device("db", { tags: ["tag:host-db"] })], undefined],
    ["and reports its node id", [device("web", on)], "nwebCNTRL"],
    ["a machine that was joined by hand reports its node id", [laptop("web", on)], "nwebCNTRL"],
    ["the host is off", [device("web")], undefined],
    [
      "an ephemeral device of it is offline: the vendor removes it",
      [device("web", on), device("web-1", { isEphemeral: true })],
      undefined,
    ],
    [
      "the connection is known by its time only",
      [device("web", { connectedToControl: undefined, lastSeen: "2026-03-01T11:59:00Z" })],
      undefined,
    ],
  ])("%s", (_, devices, nodeId) => {
    const finding = find(devices as Device[], nodeId);
    expect(shown(finding)).toEqual(fine);
    expect(finding.text).toBeUndefined();
  });

  test("the host has not joined, and its name is free", () => {
    expect(find([laptop("notebook", on)])).toEqual({ remove: [], problem: false });
  });
});

describe("the device of an earlier machine holds the name", () => {
  const stale = device("web");
  const live = device("web-1", { ...on, ...later });

  test.each([undefined, "nweb1CNTRL"])(
    "is removed, and the host gets its name; reported id: %s",
    (nodeId) => {
      const finding = find([stale, live], nodeId);
      expect(shown(finding)).toEqual({ label: "web-1", removes: ["web"], renames: "web-1", problem: false });
      expect(finding.text).toMatch(
        /^in the tailnet it is web-1\.tail0000\.ts\.net: up renames device nweb1CNTRL .* to web; up removes device nwebCNTRL \(web\.tail0000\.ts\.net, tag:server tag:host-web, last seen 2026-02-01T00:00:00Z\)/,
      );
    },
  );

  test("with an expired key, or an ephemeral one", () => {
    const expired = device("web", { keyExpiryDisabled: false, expires: "2026-02-10T00:00:00Z" });
    expect(find([expired, live]).text).toContain("its key has expired");
    expect(shown(find([device("web", { isEphemeral: true }), live]))).toMatchObject({
      removes: ["web"],
      renames: "web-1",
    });
  });

  test("the reported id decides, not the time of joining", () => {
    const older = device("web-1", on);
    expect(shown(find([device("web", later), older], "nweb1CNTRL"))).toMatchObject({
      removes: ["web"],
      renames: "web-1",
    });
  });

  test("while both are off, nothing is changed, and the one that joined last is the host", () => {
    expect(shown(find([stale, device("web-1", later)]))).toEqual({ ...fine, label: "web-1" });
  });

  test("while both are connected, nothing is changed, and it is said", () => {
    const finding = find([device("web", on), live]);
    expect(shown(finding)).toEqual({ ...fine, label: "web-1" });
    expect(finding.text).toContain("two devices are connected to the tailnet with its key");
  });
});

test("a device of an earlier machine under another name is removed", () => {
  expect(shown(find([device("web", on), device("web-1"), device("web-2")]))).toEqual({
    ...fine,
    removes: ["web-1", "web-2"],
  });
});

test("a free name is given back to a host that lost it", () => {
  expect(shown(find([device("web-1", on)]))).toEqual({ ...fine, label: "web-1", renames: "web-1" });
});

describe("a device that is not the host's holds the name", () => {
  test.each([
    [
      "a person's laptop",
      laptop("web", { lastSeen: "2026-02-28T00:00:00Z" }),
      "ada@example.test, last seen 2026-02-28T00:00:00Z",
    ],
    ["a connected one", laptop("web", on), "ada@example.test, connected now"],
    ["a host of another tag", device("web", { tags: ["tag:host-other"] }), "tag:host-other"],
    ["a machine with this host's class only", device("web", { tags: ["tag:server"] }), "tag:server"],
  ])("%s: it is named, with what to do, and nothing is changed", (_, holder, words) => {
    const finding = find([holder, device("web-1", on)]);
    expect(shown(finding)).toEqual({ label: "web-1", removes: [], renames: undefined, problem: true });
    expect(finding.text).toMatch(
      /^in the tailnet it is web-1\.tail0000\.ts\.net, because its name belongs to device nwebCNTRL/,
    );
    expect(finding.text).toContain(words);
    expect(finding.text).toContain(
      "rename or remove that device (https://login.tailscale.com/admin/machines), then run up again",
    );
  });

  test("a machine that was joined by hand as NAME-1 is found by the id that it reports", () => {
    expect(shown(find([laptop("web"), laptop("web-1", on)], "nweb1CNTRL"))).toMatchObject({
      label: "web-1",
      problem: true,
    });
  });

  test("before the host has joined, it is a warning: the holder may be the host itself", () => {
    const finding = find([laptop("web", on)]);
    expect(finding).toMatchObject({ remove: [], problem: false });
    expect(finding.name).toBeUndefined();
    expect(finding.text).toContain("or the host joins as web-1");
  });
});

test("an id that is in no list does not count", () => {
  expect(shown(find([device("web", on)], "nunknownCNTRL"))).toEqual(fine);
});

describe("a host that reports a device that is not its own changes nothing of it", () => {
  test("the device of another host: the report does not count", () => {
    const db = device("db", { ...on, tags: ["tag:server", "tag:host-db"] });
    expect(shown(find([db, device("web", on)], "ndbCNTRL"))).toEqual(fine);
    expect(find([db], "ndbCNTRL")).toEqual({ remove: [], problem: false });
  });

  test("a person's laptop: it is not renamed, and the host's own device stays", () => {
    expect(shown(find([laptop("notebook", on), device("web")], "nnotebookCNTRL"))).toMatchObject({
      removes: [],
      renames: undefined,
    });
  });
});

test("claiming removes first, then renames; the name is the new one", async () => {
  const calls: unknown[] = [];
  const api = { request: async (...call: unknown[]) => void calls.push(call) } as unknown as TailscaleApi;
  const finding = find([device("web"), device("web-1", { ...on, ...later })]);
  expect(await claimName(api, "web", finding)).toBe("web.tail0000.ts.net");
  expect(calls).toEqual([
    ["DELETE", "/device/nwebCNTRL"],
    ["POST", "/device/nweb1CNTRL/name", { name: "web" }],
  ]);
});
