import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { expectReported, expectSuccess, Rehearsal, ROW_TIMEOUT_MS, until } from "./rehearsal.ts";

jest.setTimeout(ROW_TIMEOUT_MS);

const fleet = new Rehearsal("install");

/** The fault of each host's first installation, and the phase with which the next run continues. */
const first = {
  hangkexec: ["kexec hang", ["kexec", "disko", "install", "reboot"]],
  hangdisko: ["disko hang", ["disko", "install", "reboot"]],
  hanginstall: ["install hang", ["install", "reboot"]],
  hangreboot: ["reboot hang", ["reboot"]],
  backkexec: ["kexec old-system", ["kexec", "disko", "install", "reboot"]],
  backreboot: ["reboot old-system", ["kexec", "disko", "install", "reboot"]],
  db: ["disko fail", ["disko", "install", "reboot"]],
} as const;
const troubled = Object.keys(first) as (keyof typeof first)[];
const all = ["web", ...troubled];
const everyPhase = ["kexec", "disko", "install", "reboot"];

const host = (name: string, wave = 1) => `
[hosts.${name}]
environment = "sandbox"
wave = ${wave}
profiles = ["server"]
tags = ["server"]
provider = { kind = "hetzner", location = "nbg1", server_type = "cx23", image = "debian-13" }
extra = { motd = "${name} of the sandbox" }
`;

/** Created hosts only, reachable only over the tailnet; the installer's limits are short. */
const created = (text: string): string =>
  [
    text
      .replace('address = "public"', 'address = "tailnet"')
      .replace(/\n\[hosts\.legacy\][\s\S]*?(?=\n\[services)/, "\n")
      .replace(/\n\[services\.metrics\][\s\S]*?(?=\n\[)/, "\n"),
    ...troubled.filter((name) => name !== "db").map((name) => host(name)),
    "\n[deploy.seconds.install]\nboot = 60\nkexec = 40\ndisko = 40\ninstall = 40\nreboot = 40\nanswer = 120\n",
  ].join("");

/** Faults of the emulated nixos-anywhere, by host and phase. */
const faults = (...lines: readonly string[]) =>
  writeFileSync(fleet.file("nixos-anywhere.faults"), lines.map((line) => `${line}\n`).join(""));

/** Phases that began since the last call, by host. */
let read = 0;
function phasesSince(): Record<string, string[]> {
  const lines = readFileSync(fleet.file("nixos-anywhere.log"), "utf8").trim().split("\n");
  const began: Record<string, string[]> = {};
  for (const line of lines.slice(read)) {
    const [name = "", phase = ""] = line.split(" ");
    began[name] = [...(began[name] ?? []), phase];
  }
  read = lines.length;
  return began;
}
const began = async (line: string) => {
  await until(`${line} began`, 300, () => {
    const log = fleet.file("nixos-anywhere.log");
    return existsSync(log) && readFileSync(log, "utf8").split("\n").slice(read).includes(line)
      ? true
      : undefined;
  });
};

const machine = (name: string) =>
  JSON.parse(readFileSync(fleet.file("machines", name, "machine.json"), "utf8")) as {
    addresses: { ipv4: string };
    firewall: { port?: string; addresses: string[] }[];
  };

/** Port 22 of the public address, in the machine's firewall and for a client; `between`: the two differ. */
async function sshPort(name: string): Promise<"open" | "closed" | "between"> {
  const { addresses, firewall } = machine(name);
  const connect = `exec 3<>/dev/tcp/${addresses.ipv4}/22`;
  const { code } = await fleet.inDriver("timeout", "3", "bash", "-c", connect);
  const ruled = firewall.some(({ port }) => port === "22");
  if (ruled !== (code === 0)) return "between";
  return ruled ? "open" : "closed";
}
const sshPorts = async () =>
  Object.fromEntries(await Promise.all(all.map(async (name) => [name, await sshPort(name)])));
const closed = Object.fromEntries(all.map((name) => [name, "closed"]));

/** Running programs of an installation. */
const installers = async () =>
  (await fleet.run(["pgrep", "-af", `install/watchdog.ts|nixos-anywhere .*${fleet.directory}`], 30)).output;

const machineId = async (name: string) =>
  (await fleet.onMachine(name, "cat /etc/machine-id")).output.trim().split("\n").at(-1) ?? "";
const boots = async (name: string) =>
  (await fleet.onMachine(name, "readlink -f /boot/pantheros-default")).output.trim();

beforeAll(async () => {
  await fleet.startFleet(created, "--no-deploy");
  faults(...troubled.map((name) => `${name} ${first[name][0]}`));
  expect((await fleet.up()).code).not.toBe(-1);
});
afterAll(() => fleet.stopFleet());

const resultOf = async (name: string) => (await fleet.outputs()).hosts[name];

test("success: every phase, then deploys over the tailnet with the pinned key; port 22 is closed again", async () => {
  const { web } = phasesSince();
  expect(web).toEqual(everyPhase);
  expect(await resultOf("web")).toMatchObject({ outcome: "confirmed", closure: await fleet.running("web") });
  const shownKey = (await fleet.onMachine("web", "cat /etc/ssh/ssh_host_ed25519_key.pub")).output;
  expect(shownKey).toContain((await resultOf("web"))?.hostKey ?? "no key");
  expect(await boots("web")).toBe(await fleet.running("web"));
});

test.each(["kexec", "disko", "install", "reboot"])(
  "a hang in %s: ended at its limit, reported with the machine's state",
  async (phase) => {
    const result = await resultOf(`hang${phase}`);
    expect(result).toMatchObject({ outcome: "failed" });
    expect(result?.reason).toMatch(/^not finished after 40 s: /);
    expect(result?.reason).toMatch(
      phase === "kexec" ? /afterwards the machine runs debian/ : /runs nixos installer/,
    );
  },
);

test("the old system booted again, after kexec and after the reboot: reported as such", async () => {
  for (const name of ["backkexec", "backreboot"]) {
    expect((await resultOf(name))?.reason).toBe("the machine came back to the old system (debian)");
  }
});

test("a failed phase: its output and the machine's running system are reported", async () => {
  expect((await resultOf("db"))?.reason).toMatch(/Problem opening \/dev\/sda[\s\S]*runs nixos installer/);
});

test("after success and every failure port 22 is closed, and no installer is left", async () => {
  expect(await sshPorts()).toEqual(closed);
  expect(await installers()).toBe("");
});

describe("the next run", () => {
  test("does not touch an existing NixOS or a machine with data; after a kill port 22 is closed", async () => {
    await fleet.onMachine("backkexec", "mkdir -p /srv/photos && echo x >/srv/photos/one");
    await fleet.onMachine(
      "backreboot",
      "printf 'ID=nixos\\nVERSION_ID=26.05\\n' >/run/other && mount --bind /run/other /etc/os-release",
    );
    faults("db install gate");
    const run = fleet.start();
    await began("db install");
    for (const name of ["hangkexec", "hangdisko", "hanginstall", "hangreboot"]) {
      await until(`${name} is confirmed`, 300, async () => {
        if (run.ended()) throw new Error(run.ended()?.output);
        const { output } = await fleet.onMachine(name, "cat /var/lib/pantheros/committed");
        return output.includes("/nix/store/") || undefined;
      });
    }
    expect(await sshPorts()).toEqual({ ...closed, db: "open" });

    run.kill();
    await run.end;
    await until("port 22 of db is closed", 60, async () =>
      (await sshPort("db")) === "closed" ? true : undefined,
    );
    await until("the watchdog has ended", 60, async () => ((await installers()) === "" ? true : undefined));
    expect(await sshPorts()).toEqual(closed);
    const { backkexec, backreboot, db, web, ...resumed } = phasesSince();
    expect({ backkexec, backreboot, web }).toEqual({});
    expect(db).toEqual(["disko", "install"]);
    for (const [name, phases] of Object.entries(resumed))
      expect([name, phases]).toEqual([name, first[name as keyof typeof first][1]]);
    expect(Object.keys(resumed)).toHaveLength(4);
  });

  test("resumes; refused machines are named, and installed once they are empty", async () => {
    faults();
    const refused = await fleet.up();
    expectReported(
      refused,
      "2 of 8 hosts not converged",
      /backkexec: failed at install guard\n\s+reason: +\| it holds data \(\/srv\/photos\/one\)/,
      /backreboot: failed at install guard\n\s+reason: +\| it runs NixOS already/,
    );
    expect(phasesSince()).toEqual({ db: ["install", "reboot"] });
    await fleet.onMachine("backkexec", "rm -r /srv/photos");
    await fleet.onMachine("backreboot", "umount /etc/os-release");

    expectSuccess(await fleet.up());
    expect(phasesSince()).toEqual({ backkexec: everyPhase, backreboot: everyPhase });
    await fleet.expectConfirmed();
    expect(await sshPorts()).toEqual(closed);
    expect(await fleet.changes()).toEqual([]);
  });
});

describe("an installed fleet", () => {
  /** The installer as its resource starts it, for a machine of this sandbox. */
  async function installer(more: object) {
    const spec = {
      schemaVersion: 1,
      host: "web",
      address: machine("web").addresses.ipv4,
      user: "deploy",
      hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOHWQfUZa9NXSlZ0S+F35zoBmdPDSf2YtoI4J7iNGJ2L",
      bootstrapKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOHWQfUZa9NXSlZ0S+F35zoBmdPDSf2YtoI4J7iNGJ2L",
      drvPath: `${await fleet.running("web")}.drv`,
      outPath: await fleet.running("web"),
      seconds: { connect: 5, boot: 1 },
      ...more,
    };
    const { code, output } = await fleet.run(
      [
        ...[
          "ip",
          "netns",
          "exec",
          `pantheros-${fleet.name}`,
          "env",
          `PANTHEROS_INSTALL=${JSON.stringify(spec)}`,
        ],
        ...[`PANTHEROS_SSH_KEY=${fleet.file("keys", "deploy")}`, process.execPath],
        "deployer/install/main.ts",
      ],
      120,
      JSON.stringify({ hostKey: "PRIVATE KEY" }),
    );
    expect(code).toBe(0);
    return JSON.parse(output.trim().split("\n").at(-1) ?? "") as { outcome: string; reason: string };
  }

  test.each([
    ["lost state: other keys than the machine was made with", {}],
    ["a wrong address: a different machine of the fleet", { host: "db" }],
  ])("%s: nothing is touched", async (_, more) => {
    const before = await fleet.hostState("web");
    // Through the tailnet, since the public port is closed.
    const address = machine("web").addresses.ipv4.replace(/^\d+\.\d+/, "100.64");
    const { outcome, reason } = await installer({ ...more, address });
    expect(outcome).toBe("failed");
    expect(reason).toContain("it is not touched");
    expect(phasesSince()).toEqual({});
    expect(await fleet.hostState("web")).toEqual(before);
  });

  test("reinstall rebuilds that machine once; a replaced server is installed; an unreachable one is only reported", async () => {
    const ids = { web: await machineId("web"), db: await machineId("db") };
    const provider = 'server_type = "cx23", image = "debian-13"';
    fleet.editFleet((text) =>
      text
        // A different machine's id has no effect.
        .replace(/(\[hosts\.hangreboot\][\s\S]*?cx23")/, `$1, reinstall = "${ids.db}"`)
        .replace(
          `location = "fsn1", ${provider}`,
          `location = "fsn1", ${provider}, reinstall = "${ids.web}"`,
        ),
    );
    await fleet.onMachine("web", "echo old >/root/old");
    expectSuccess(await fleet.cli("machine", "unplug", "hangkexec"));
    const off = (await fleet.changes()).map(({ urn }) => urn.split("::").at(-1));
    expect(off).toContain("hangkexec-deploy");
    expect(off).not.toContain("hangkexec-install");
    faults("web disko gate");
    const urn = `urn:pulumi:sandbox::pantheros::pantheros:fleet:Fleet$pantheros:hetzner:Server$hcloud:index/server:Server::db-server`;
    expect(await sshPort("web")).toBe("closed");

    const run = fleet.start([], ["--replace", urn]);
    await began("web disko");
    expect(await sshPort("web")).toBe("open");
    faults();

    expectReported(await run.end, "1 of 8 hosts not converged", /hangkexec: failed at connect/);
    expect(phasesSince()).toEqual({ web: everyPhase, db: everyPhase });
    await fleet.expectConfirmed("hangkexec");
    expect(await machineId("web")).not.toBe(ids.web);
    expect(await machineId("db")).not.toBe(ids.db);
    expect((await fleet.onMachine("web", "test -e /root/old")).code).not.toBe(0);
    expectSuccess(await fleet.cli("machine", "plug", "hangkexec"));
    expectSuccess(await fleet.up());
    expect(await fleet.changes()).toEqual([]);
    fleet.editFleet((text) => text.replaceAll(/, reinstall = "[0-9a-f]+"/g, ""));
    expect(await fleet.changes()).toEqual([]);
    expect(phasesSince()).toEqual({});
    expect(await sshPorts()).toEqual(closed);
  });
});
