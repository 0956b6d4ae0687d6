import * as pulumi from "@pulumi/pulumi";
import { HetznerAccount } from "../../../providers/hetzner/account.ts";
import { HetznerServer, type HetznerServerArgs } from "../../../providers/hetzner/server.ts";
import { hostKey, keyPairJson, type MockOptions, record, resolved } from "../mocks.ts";

const args: HetznerServerArgs = {
  hostname: "web",
  stack: "production",
  environment: "production",
  serverType: "cx23",
  location: "fsn1",
  image: "debian-13",
  sshKeys: ["77"],
  sshSources: ["198.51.100.1/32"],
  reverseDns: "web.example.test",
};

const vendor: MockOptions["computed"] = {
  "hcloud:index/primaryIp:PrimaryIp": ({ type }) => ({
    ipAddress: type === "ipv4" ? "203.0.113.10" : "2001:db8:1:1::",
    ipNetwork: type === "ipv4" ? "" : "2001:db8:1:1::/64",
  }),
  "command:local:Command": (_, name) => ({ stdout: keyPairJson(`PRIVATE-${name}`) }),
};

const build = (more: Partial<HetznerServerArgs> = {}, options: MockOptions = {}) =>
  record(() => new HetznerServer("web", { ...args, ...more }), { computed: vendor, ...options });

describe("server", () => {
  test("has a name, labels and its firewall from its creation on, and keeps its disk size", async () => {
    const { recording } = await build({ labels: { team: "ops" } });
    const server = recording.named("web-server");
    expect(server.inputs).toMatchObject({
      name: "web",
      serverType: "cx23",
      location: "fsn1",
      image: "debian-13",
      sshKeys: ["77"],
      keepDisk: true,
      backups: false,
      labels: {
        "managed-by": "pantheros",
        stack: "production",
        host: "web",
        environment: "production",
        team: "ops",
      },
    });
    const id = (name: string) => recording.registrations.findIndex((each) => each.name === name);
    expect(id("web-firewall")).toBeLessThan(id("web-server"));
    expect(server.inputs["firewallIds"]).toEqual([expect.any(Number)]);
    expect(server.inputs["publicNets"]).toEqual([
      { ipv4Enabled: true, ipv4: expect.any(Number), ipv6Enabled: true, ipv6: expect.any(Number) },
    ]);
    expect(server.dependencies).toEqual(
      expect.arrayContaining(
        ["web-ipv4", "web-ipv6", "web-firewall"].map((name) => recording.named(name).urn),
      ),
    );
  });

  test("has every child below the component, named after it", async () => {
    const { recording } = await build();
    const component = recording.named("web");
    expect(component.type).toBe("pantheros:hetzner:Server");
    const children = recording.registrations.filter((each) => each !== component);
    expect(children.map(({ name }) => name).sort()).toEqual([
      "web-bootstrap-key",
      "web-firewall",
      "web-host-key",
      "web-ipv4",
      "web-ipv6",
      "web-rdns-ipv4",
      "web-rdns-ipv6",
      "web-server",
    ]);
    for (const child of children) expect(child.parent).toBe(component.urn);
    expect(recording.outputs.has(component.urn)).toBe(true);
  });

  test("is never replaced for inputs that matter only at its creation, and is deleted before a replacement", async () => {
    const { recording } = await build();
    const server = recording.named("web-server");
    expect(server.ignoreChanges).toEqual(["image", "userData", "sshKeys", "location", "placementGroupId"]);
    expect(server.deleteBeforeReplace).toBe(true);
    for (const type of ["ipv4", "ipv6"]) {
      const ip = recording.named(`web-${type}`);
      expect(ip.inputs["autoDelete"]).toBe(false);
      expect(ip.inputs["assigneeId"]).toBeUndefined();
      expect(ip.inputs["assigneeType"]).toBeUndefined();
      expect(ip.ignoreChanges).toContain("location");
    }
    for (const key of ["web-host-key", "web-bootstrap-key"]) {
      expect(recording.named(key).ignoreChanges).toEqual(
        expect.arrayContaining(["create", "environment", "stdin", "triggers", "logging"]),
      );
    }
  });

  test.each([true, false])("protect = %s reaches server, addresses and host key", async (protect) => {
    const { recording } = await build({ protect });
    const server = recording.named("web-server");
    expect([server.protect, server.inputs["deleteProtection"], server.inputs["rebuildProtection"]]).toEqual(
      Array(3).fill(protect),
    );
    for (const name of ["web-ipv4", "web-ipv6"]) {
      expect([recording.named(name).protect, recording.named(name).inputs["deleteProtection"]]).toEqual([
        protect,
        protect,
      ]);
    }
    expect(recording.named("web-host-key").protect).toBe(protect);
    expect(recording.named("web-firewall").protect).toBe(false);
  });

  test("keeps the private halves of its keys secret everywhere", async () => {
    const { recording, result } = await build();
    expect(recording.isSecret("web-server", "userData")).toBe(true);
    expect(recording.named("web-server").inputs["userData"]).toContain("PRIVATE-web-bootstrap-key");
    expect(recording.plainText()).not.toContain("PRIVATE-");
    expect(recording.plainText()).toContain(hostKey);
    for (const key of ["web-host-key", "web-bootstrap-key"]) {
      expect(recording.named(key).secretOutputs).toEqual(["stdout", "stderr"]);
      expect(recording.named(key).inputs["logging"]).toBe("none");
    }
    expect(await pulumi.isSecret(result.hostKeyPrivate)).toBe(true);
    expect(await pulumi.isSecret(result.hostKey)).toBe(false);
    expect(await pulumi.isSecret(result.bootstrapHostKey)).toBe(false);
    expect(await resolved(result.hostKeyPrivate)).toContain("PRIVATE-web-host-key");
    expect(await resolved(result.hostKey)).toBe(hostKey);
  });

  test("outputs its addresses and sets their reverse DNS", async () => {
    const { recording, result } = await build();
    expect(await resolved(result.ipv4)).toBe("203.0.113.10");
    expect(await resolved(result.ipv6)).toBe("2001:db8:1:1::1");
    expect(await resolved(result.address)).toBe("203.0.113.10");
    expect(recording.named("web-rdns-ipv4").inputs).toMatchObject({
      ipAddress: "203.0.113.10",
      dnsPtr: "web.example.test",
    });
    expect(recording.named("web-rdns-ipv6").inputs).toMatchObject({
      ipAddress: "2001:db8:1:1::1",
      dnsPtr: "web.example.test",
    });
    expect(recording.named("web-rdns-ipv6").inputs["serverId"]).toBeUndefined();
  });

  test("works without IPv4 and reverse DNS", async () => {
    const { recording, result } = await record(
      () => new HetznerServer("web", { ...args, ipv4: false, reverseDns: undefined as never }),
      { computed: vendor },
    );
    expect(recording.registrations.map(({ name }) => name)).not.toContain("web-ipv4");
    expect(recording.ofType("hcloud:index/rdns:Rdns")).toEqual([]);
    expect(await resolved(result.ipv4)).toBeUndefined();
    expect(await resolved(result.address)).toBe("2001:db8:1:1::1");
    expect(recording.named("web-server").inputs["publicNets"]).toEqual([
      { ipv4Enabled: false, ipv6Enabled: true, ipv6: expect.any(Number) },
    ]);
  });

  test("may have backups and a placement group", async () => {
    const { recording } = await build({
      backups: true,
      placementGroupId: 5,
    });
    expect(recording.named("web-server").inputs).toMatchObject({
      backups: true,
      placementGroupId: 5,
    });
  });

  test("previews a first run, with everything computed unknown", async () => {
    const { recording, result } = await build({}, { preview: true });
    expect(recording.registrations).toHaveLength(9);
    expect(await resolved(result.hostKey)).toBeUndefined();
    expect(await pulumi.isSecret(result.hostKeyPrivate)).toBe(true);
  });

  test.each([
    [5, 0, "web is in no placement group; the inventory says group 5"],
    [undefined, 5, "web is in placement group 5; the inventory says none"],
    [5, 5, undefined],
    [undefined, 0, undefined],
  ])("wanted group %p, actual group %p: warns if they differ", async (wanted, actual, warning) => {
    const warn = jest.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
    try {
      await build(
        { ...(wanted !== undefined && { placementGroupId: wanted }) },
        { computed: { ...vendor, "hcloud:index/server:Server": () => ({ placementGroupId: actual }) } },
      );
      expect(warn.mock.calls.map(([text]) => text)).toEqual(
        warning ? [expect.stringContaining(warning)] : [],
      );
    } finally {
      warn.mockRestore();
    }
  });

  test("warns that a server can't move", async () => {
    const warn = jest.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
    try {
      await build(
        {},
        { computed: { ...vendor, "hcloud:index/server:Server": () => ({ location: "nbg1" }) } },
      );
      expect(warn).toHaveBeenCalledWith(
        expect.stringContaining("web is in nbg1; the inventory says fsn1"),
        expect.anything(),
      );
      warn.mockClear();
      await build();
      expect(warn).not.toHaveBeenCalled();
    } finally {
      warn.mockRestore();
    }
  });
});

describe("account", () => {
  test("creates each key once, without its comment, and the placement groups", async () => {
    const { recording, result } = await record(
      () =>
        new HetznerAccount("hetzner", {
          stack: "production",
          publicKeys: { deploy: `${hostKey} someone@somewhere` },
          placementGroups: ["db", "db"],
        }),
    );
    expect(recording.named("hetzner-key-deploy").inputs).toMatchObject({
      name: "production-deploy",
      publicKey: hostKey,
    });
    expect(recording.named("hetzner-placement-db").inputs).toMatchObject({
      name: "production-db",
      type: "spread",
    });
    expect(result.sshKeys).toHaveLength(1);
    expect(typeof (await resolved(result.placementGroups["db"] as pulumi.Output<number>))).toBe("number");
  });
});
