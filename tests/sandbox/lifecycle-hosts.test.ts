import { readFileSync, writeFileSync } from "node:fs";
import { expectSuccess, Sandbox } from "./sandbox.ts";

jest.setTimeout(20 * 60_000);

const sandbox = new Sandbox("hosts");

/** The longest allowed host name. */
const SPARE = "spare-with-a-name-of-63-characters-as-many-as-a-dns-label-takes";

const names = async (...query: string[]) =>
  (await sandbox.inDriver("dig", "+short", ...query)).output.trim().split("\n").filter(Boolean);
const vendor = async (path: string) => {
  const token = /^HCLOUD_TOKEN=(.+)$/m.exec(readFileSync(sandbox.file("secrets.env"), "utf8"))?.[1] ?? "";
  const header = `authorization: Bearer ${token}`;
  const { output } = await sandbox.inDriver(
    "curl",
    "-sS",
    "-H",
    header,
    `http://198.51.100.1:8001/v1${path}`,
  );
  return JSON.parse(output) as Record<
    string,
    { id: number; name: string; status: string; public_net?: unknown }[]
  >;
};
/** Runs an action at the vendor and waits until its effect shows there. */
const act = async (id: number | undefined, verb: string, body = "{}") => {
  const token = /^HCLOUD_TOKEN=(.+)$/m.exec(readFileSync(sandbox.file("secrets.env"), "utf8"))?.[1] ?? "";
  const words = [
    "-sSf",
    "-X",
    "POST",
    "-H",
    `authorization: Bearer ${token}`,
    "-H",
    "content-type: application/json",
  ];
  const url = `http://198.51.100.1:8001/v1/servers/${id}/actions/${verb}`;
  expectSuccess(await sandbox.inDriver("curl", ...words, "-d", body, url));
};
const serverOf = async (name: string) => (await vendor(`/servers?name=${name}`))["servers"]?.[0];
const converged = async () => {
  const up = await sandbox.up();
  expectSuccess(up);
  expect(await sandbox.changes()).toEqual([]);
  return up;
};
/** Runs a command as root on a machine; the vendor's machines keep their first names. */
const machineId = async (machine: string) =>
  (await sandbox.onMachine(machine, "cat /etc/machine-id")).output.trim();

describe("hosts are added, renamed and removed with one edit and one up each", () => {
  beforeAll(async () => {
    await sandbox.reset();
    expectSuccess(await sandbox.cli("up"));
    for (const host of ["web", "db", "legacy"]) {
      expectSuccess(await sandbox.cli("join", host));
    }
  });

  afterAll(async () => {
    expectSuccess(await sandbox.cli("down"));
    expect(sandbox.leftovers()).toEqual([]);
  });

  test("import: a machine that runs NixOS, with its host key in its table, is not installed and keeps its data", async () => {
    const spare = (key: string) => `
[hosts.${SPARE}]
environment = "sandbox"
profiles = ["server"]
provider = { kind = "existing", vendor = "home", address = "198.51.100.21"${key} }
`;
    const fleet = readFileSync(sandbox.file("nix", "fleet.toml"), "utf8");
    writeFileSync(sandbox.file("nix", "fleet.toml"), fleet + spare(""));
    // The sandbox creates the machine; from then on only the table has its pin.
    expectSuccess(await sandbox.cli("up", "--no-deploy"));
    const pins = readFileSync(sandbox.file("known_hosts"), "utf8");
    const [, key = ""] = new RegExp(`^${SPARE},\\S+ (ssh-ed25519 \\S+)$`, "m").exec(pins) ?? [];
    writeFileSync(sandbox.file("known_hosts"), pins.replace(new RegExp(`^${SPARE},.*\\n`, "m"), ""));
    await sandbox.onMachine(SPARE, "echo data >/var/keep");
    const id = await machineId(SPARE);
    expect((await sandbox.pulumi("preview", "--color", "never")).output).toMatch(
      new RegExp(`hosts\\.${SPARE}\\.provider\\.host_key: no host key is pinned`),
    );

    writeFileSync(sandbox.file("nix", "fleet.toml"), fleet + spare(`, host_key = "${key}"`));
    await converged();
    expect((await sandbox.outputs()).hosts[SPARE]).toMatchObject({ outcome: "confirmed", hostKey: key });
    expect(await machineId(SPARE)).toBe(id);
    expect((await sandbox.onMachine(SPARE, "cat /var/keep")).output.trim()).toBe("data");
  });

  test("one machine under two names: a preview fails, and up does nothing on it, whatever its keys and addresses", async () => {
    const legacy = await sandbox.running("legacy");
    // Its tailnet address, and its ECDSA key.
    const conf = "/etc/ssh/sshd_config.d/twin.conf";
    const keys = "/etc/ssh/ssh_host_ed25519_key /etc/ssh/ssh_host_ecdsa_key";
    const script = `ip addr add 100.64.100.20/32 dev eth0 && ssh-keygen -q -t ecdsa -N "" -f /etc/ssh/ssh_host_ecdsa_key && for k in ${keys}; do echo "HostKey $k"; done >${conf} && systemctl restart ssh && cut -d" " -f1,2 /etc/ssh/ssh_host_ecdsa_key.pub`;
    const made = await sandbox.onMachine("legacy", script);
    expectSuccess(made);
    const key = made.output.trim().split("\n").at(-1) ?? "";
    const file = sandbox.file("nix", "fleet.toml");
    const fleet = readFileSync(file, "utf8");
    const twin = `
[hosts.twin]
environment = "sandbox"
profiles = ["server"]
provider = { kind = "existing", vendor = "home", address = "100.64.100.20", host_key = "${key}" }
`;
    const secrets = `[secrets.opnix-token]\nhosts = ["web", "db", "legacy", "${SPARE}"]`;
    writeFileSync(file, `${fleet.replace("[secrets.opnix-token]", secrets)}${twin}`);

    const preview = await sandbox.pulumi("preview", "--color", "never");
    expect(preview.code).not.toBe(0);
    expect(preview.output).toMatch(
      /fleet\.toml: hosts\.twin: neither it nor hosts\.legacy is deployed to: its machine is also hosts\.legacy: machine id [0-9a-f]{32}/,
    );
    const up = await sandbox.up();
    expect(up.code).not.toBe(0);
    expect(up.output).toMatch(/legacy: failed at identity[\s\S]*twin: failed at identity/);
    expect(up.output).toMatch(/web: confirmed/);
    expect(await sandbox.running("legacy")).toBe(legacy);

    writeFileSync(file, fleet);
    await sandbox.onMachine(
      "legacy",
      `ip addr del 100.64.100.20/32 dev eth0; rm ${conf} /etc/ssh/ssh_host_ecdsa_key*; systemctl restart ssh`,
    );
    await converged();
    expect(await sandbox.running("legacy")).toBe(legacy);
  });

  test("resize: a type that the vendor would refuse is refused before the machine is stopped", async () => {
    const boot = "cat /proc/sys/kernel/random/boot_id";
    const before = (await sandbox.onMachine("web", boot)).output;
    const file = sandbox.file("nix", "fleet.toml");
    const fleet = readFileSync(file, "utf8");
    const web = 'location = "fsn1", server_type = "cx23"';
    for (const [edit, expected] of [
      [
        fleet.replace(web, web.replace("cx23", "cax11")),
        /hosts\.web\.provider\.server_type: "cax11" has an ARM processor/,
      ],
      [
        fleet
          .replace(web, web.replace("cx23", "cax11"))
          .replace("[hosts.web]", '[hosts.web]\nsystem = "aarch64-linux"'),
        /hosts\.web\.provider\.server_type: the server is a cx23 \(x86\) and can't become a cax11/,
      ],
      [
        fleet.replace(web, web.replace("cx23", "cx99")),
        /hosts\.web\.provider\.server_type: Hetzner Cloud has no server type "cx99"/,
      ],
    ] as const) {
      writeFileSync(file, edit);
      const up = await sandbox.up();
      expect(up.code).not.toBe(0);
      expect(up.output).toMatch(expected);
    }
    writeFileSync(file, fleet);
    expect((await sandbox.onMachine("web", boot)).output).toBe(before);
    expect(await sandbox.changes()).toEqual([]);
  });

  test("a server that a resize left off is reported, and the next up powers it on, with or without the resize", async () => {
    const [server, id] = [await serverOf("web"), await machineId("web")];
    await act(server?.id, "poweroff");
    expect((await serverOf("web"))?.status).toBe("off");
    const preview = await sandbox.pulumi("preview", "--color", "never");
    expectSuccess(preview);
    expect(preview.output).toMatch(/web: the host does not answer: the server is off at Hetzner Cloud/);
    const up = await converged();
    expect(up.output).toMatch(/web: the server was off at Hetzner Cloud and was powered on/);
    expect((await sandbox.outputs()).hosts["web"]?.outcome).toBe("confirmed");

    sandbox.editFleet((text) =>
      text.replace('location = "fsn1", server_type = "cx23"', 'location = "fsn1", server_type = "cx33"'),
    );
    const refused = { fault: "refuse", vendor: "hetzner", match: "/actions/change_type" } as const;
    await sandbox.whileVendorsFail([refused], async () => {
      const failing = await sandbox.up();
      expect(failing.code).not.toBe(0);
      expect(failing.output).toMatch(
        /web: the change failed and left the server off; it was powered on again/,
      );
      expect(failing.output).toMatch(/legacy: confirmed/);
    });
    expect(await serverOf("web")).toMatchObject({ status: "running", server_type: { name: "cx23" } });
    // The state that a run leaves when it is killed in between.
    await act(server?.id, "poweroff");
    await converged();
    expect(await serverOf("web")).toMatchObject({
      id: server?.id,
      status: "running",
      server_type: { name: "cx33" },
    });
    expect(await machineId("web")).toBe(id);
    expect((await sandbox.outputs()).hosts["web"]?.outcome).toBe("confirmed");
  });

  test("a server that cannot be created stops no other host, and the run removes nothing", async () => {
    const fleet = readFileSync(sandbox.file("nix", "fleet.toml"), "utf8");
    const changed = fleet
      .replace('motd = "web of', 'motd = "web, changed, of')
      .replace('motd = "legacy of', 'motd = "legacy, changed, of')
      .replace(/\[\[dns\.records\]\]\nname = "@"\n.*\n.*\n/, "");
    const more = `
[hosts.new]
environment = "sandbox"
profiles = ["server"]
provider = { kind = "hetzner", location = "nbg1", server_type = "cx23", image = "debian-13" }
`;
    // The sandbox puts the host's secrets into its vault.
    writeFileSync(sandbox.file("nix", "fleet.toml"), fleet + more);
    expectSuccess(await sandbox.cli("up", "--no-deploy"));
    writeFileSync(sandbox.file("nix", "fleet.toml"), changed + more);
    const [web, legacy] = [await sandbox.running("web"), await sandbox.running("legacy")];
    const noServer = { fault: "refuse", vendor: "hetzner", match: "POST /v1/servers" } as const;
    const hit = await sandbox.whileVendorsFail([noServer], async () => {
      const up = await sandbox.up();
      expect(up.code).not.toBe(0);
      expect(up.output).toContain("new: failed at resources");
      expect(up.output).toMatch(/new-server \(hcloud:\S+\) failed/);
      expect(up.output).not.toMatch(/unhandled exception|error serializing/);
    });
    expect(hit).toEqual(["POST /v1/servers"]);
    const { hosts, dns } = await sandbox.outputs();
    expect(hosts["new"]).toMatchObject({ outcome: "failed", reason: expect.stringContaining("new-server") });
    expect(hosts["web"]).toMatchObject({ outcome: "confirmed", closure: await sandbox.running("web") });
    expect(hosts["legacy"]).toMatchObject({ outcome: "confirmed", closure: await sandbox.running("legacy") });
    expect([await sandbox.running("web"), await sandbox.running("legacy")]).not.toEqual([web, legacy]);
    expect(dns.records.map(({ name }) => name)).toContain("new.example.test");
    expect(await names("example.test", "TXT")).toEqual(['"v=spf1 -all"']);

    writeFileSync(sandbox.file("nix", "fleet.toml"), changed);
    await converged();
    expect(await names("example.test", "TXT")).toEqual([]);
    expect((await vendor("/primary_ips"))["primary_ips"]?.map(({ name }) => name)).not.toContain("new-ipv4");
  });

  test("rename: a created and an adopted host keep machine, disk, address and key; an old name is removed or an alias", async () => {
    const before = (await sandbox.outputs()).hosts;
    const server = await serverOf("db");
    const ids = [await machineId("db"), await machineId("legacy")];
    await sandbox.onMachine("db", "echo data >/var/keep");
    sandbox.editFleet((text) =>
      text
        .replace("[hosts.db]", '[hosts.data]\nformerly = "db"\naliases = ["db"]')
        .replace("[[hosts.db.health]]", "[[hosts.data.health]]")
        .replace("[hosts.legacy]", '[hosts.heritage]\nformerly = "legacy"')
        .replaceAll('host = "db"', 'host = "data"')
        .replaceAll('host = "legacy"', 'host = "heritage"'),
    );
    // After a failed run the server still has its former name in the state.
    const hit = await sandbox.whileVendorsFail([{ fault: "refuse", vendor: "hetzner" }], async () => {
      expect((await sandbox.up()).code).not.toBe(0);
    });
    expect(hit).toEqual([expect.stringMatching(/^PUT \/v1\//)]);
    expect((await serverOf("db"))?.id).toBe(server?.id);
    const steps = await sandbox.changes();
    const made = ["hcloud:", "pantheros:hetzner", "Install", "-host-key", "-install"];
    expect(steps.filter(({ op, urn }) => op !== "update" && made.some((part) => urn.includes(part)))).toEqual(
      [],
    );
    await converged();

    const { hosts, services } = await sandbox.outputs();
    expect(Object.keys(hosts)).toEqual(["data", "heritage", SPARE, "web"]);
    for (const [now, then] of [
      ["data", "db"],
      ["heritage", "legacy"],
    ] as const) {
      expect(hosts[now]).toMatchObject({ outcome: "confirmed", hostKey: before[then]?.hostKey });
      expect(hosts[now]?.addresses.ipv4).toBe(before[then]?.addresses.ipv4);
    }
    expect(services["database"]?.host).toBe("data");
    expect([await machineId("db"), await machineId("legacy")]).toEqual(ids);
    expect((await sandbox.onMachine("db", "cat /var/keep; hostname")).output.trim().split("\n")).toEqual([
      "data",
      "data",
    ]);
    expect((await serverOf("data"))?.id).toBe(server?.id);
    expect(await serverOf("db")).toBeUndefined();
    const address = hosts["data"]?.addresses.ipv4 ?? "";
    expect(await names("data.example.test")).toEqual([address]);
    expect(await names("-x", address)).toEqual(["data.example.test."]);
    expect(await names("db.example.test")).toEqual(["data.example.test.", address]);
    expect(await names("db.example.test", "AAAA")).toEqual([
      "data.example.test.",
      hosts["data"]?.addresses.ipv6,
    ]);
    expect(await names("legacy.example.test")).toEqual([]);
    expect(await names("data.tail0000.ts.net")).toHaveLength(1);
    expect(await names("db.tail0000.ts.net")).toEqual([]);
    expectSuccess(await sandbox.cli("ssh", "data", "true"));
  });

  test("after a rename `formerly` may stay or be removed, and the sandbox finds the host's machine", async () => {
    // As the owner does in 1Password.
    const vault = sandbox.file("vault.json");
    const items = readFileSync(vault, "utf8");
    const moved = items
      .replaceAll("db service account", "data service account")
      .replaceAll("legacy service account", "heritage service account");
    expect(moved).not.toBe(items);
    writeFileSync(vault, moved);
    expect(await sandbox.changes()).toEqual([]);
    expectSuccess(await sandbox.cli("up", "--no-deploy"));
    expect(await sandbox.changes()).toEqual([]);
    sandbox.editFleet((text) => text.replace('formerly = "db"\n', ""));
    expect(await sandbox.changes()).toEqual([]);
  });

  test("decommission, keep: names, device, keys and deploys are removed; the server stays with its disk, closed", async () => {
    const address = (await sandbox.outputs()).hosts["data"]?.addresses.ipv4 ?? "";
    const id = (await serverOf("data"))?.id;
    sandbox.editFleet((text) => text.replace("[hosts.data]", '[hosts.data]\ndecommission = "keep"'));
    const up = await converged();
    expect(up.output).toContain("tailnet device data.tail0000.ts.net removed");
    const { hosts, services, retired, dns } = await sandbox.outputs();
    expect(Object.keys(hosts)).toEqual(["heritage", SPARE, "web"]);
    expect(services).not.toHaveProperty("database");
    expect(retired).toMatchObject({ data: { server: "kept", addresses: { ipv4: address } } });
    expect(dns.records.filter(({ name }) => name.startsWith("data."))).toEqual([]);
    expect(await names("data.example.test")).toEqual([]);
    expect(await names("db.example.test")).toEqual([]);
    expect(await names("-x", address)).not.toContain("data.example.test.");
    expect(await names("data.tail0000.ts.net")).toEqual([]);
    expect(await names("web.tail0000.ts.net")).toHaveLength(1);
    expect((await serverOf("data"))?.id).toBe(id);
    expect((await sandbox.onMachine("db", "cat /var/keep")).output.trim()).toBe("data");
    expect((await sandbox.inDriver("curl", "-sm", "3", `telnet://${address}:22`)).code).toBe(28);
    const state = (await sandbox.pulumi("stack", "export")).output;
    for (const gone of ["data-deploy", "tailnet-key-data", "secrets-item-tailnet-data"])
      expect(state).not.toContain(gone);
  });

  test("decommission of an adopted machine: it leaves the state, and keeps running", async () => {
    sandbox.editFleet((text) => text.replace(`[hosts.${SPARE}]`, `[hosts.${SPARE}]\ndecommission = "keep"`));
    const before = await sandbox.running(SPARE);
    await converged();
    expect(await sandbox.running(SPARE)).toBe(before);
    expect((await sandbox.outputs()).hosts).not.toHaveProperty(SPARE);
  });

  test("delete in an unprotected environment takes one up", async () => {
    sandbox.editFleet((text) => text.replace('decommission = "keep"', 'decommission = "delete"'));
    await converged();
    expect(await serverOf("data")).toBeUndefined();
    expect((await sandbox.outputs()).retired).toEqual({});
  });

  describe("in a protected environment", () => {
    beforeAll(async () => {
      sandbox.editFleet((text) =>
        text.replace("[environments.sandbox]", "[environments.sandbox]\nprotect = true"),
      );
      await converged();
    });

    afterAll(async () => {
      sandbox.editFleet((text) => text.replace("protect = true\n", ""));
      expectSuccess(await sandbox.up());
    });

    test("removing the host's table is refused, naming the protected resources", async () => {
      const file = sandbox.file("nix", "fleet.toml");
      const fleet = readFileSync(file, "utf8");
      const table = /\[hosts\.web\][\s\S]*?\n\n/.exec(fleet)?.[0] ?? "";
      writeFileSync(
        file,
        fleet
          .replace(table, "")
          .replace('host = "web"\nport = 8080', 'host = "heritage"\nport = 8080')
          .replace('name = "cache"\nhost = "web"', 'name = "cache"\nhost = "heritage"'),
      );
      const preview = await sandbox.pulumi("preview", "--color", "never");
      expect(preview.code).not.toBe(0);
      expect(preview.output).toMatch(/web-server[\s\S]*protect/);
      writeFileSync(file, fleet);
      expect(await sandbox.changes()).toEqual([]);
    });

    test("delete: the first up retires the host and lifts its protection; removing the table deletes it", async () => {
      sandbox.editFleet((text) =>
        text
          .replace("[hosts.web]", '[hosts.web]\ndecommission = "delete"')
          .replace('name = "cache"\nhost = "web"', 'name = "cache"\nhost = "heritage"'),
      );
      await converged();
      const address = (await sandbox.outputs()).retired?.["web"]?.addresses.ipv4 ?? "";
      expect((await sandbox.outputs()).retired).toMatchObject({ web: { server: "unprotected" } });
      expect(await serverOf("web")).toBeDefined();
      expect((await sandbox.inDriver("curl", "-sm", "3", `telnet://${address}:22`)).code).toBe(28);

      const file = sandbox.file("nix", "fleet.toml");
      const fleet = readFileSync(file, "utf8");
      writeFileSync(
        file,
        fleet
          .replace(/\[hosts\.web\][\s\S]*?\n\n/, "")
          .replace('host = "web"\nport = 8080', 'host = "heritage"\nport = 8080'),
      );
      await converged();
      expect(await serverOf("web")).toBeUndefined();
      expect((await vendor("/primary_ips"))["primary_ips"]).toEqual([]);
      expect((await vendor("/firewalls"))["firewalls"]).toEqual([]);
    });
  });
});
