import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ensureKeyPair } from "../../sandbox/cli/files.ts";
import { leftovers, removeSandbox } from "../../sandbox/cli/remove.ts";
import { createSteps } from "../../sandbox/cli/steps.ts";
import {
  cgroupProcesses,
  clearCgroups,
  machineCgroups,
  sandboxCgroups,
} from "../../sandbox/machines/cgroups.ts";
import { attempt, type CommandResult } from "../../sandbox/machines/command.ts";
import { sandboxContext } from "../../sandbox/machines/context.ts";
import { Machines } from "../../sandbox/machines/machines.ts";
import { namespaceId } from "../../sandbox/machines/namespace-processes.ts";
import { driverNamespace, namespacePath, netnsExec } from "../../sandbox/network/names.ts";
import { removeNetwork, sandboxNamespaces } from "../../sandbox/network/network.ts";
import { readPidFile, signalProcess } from "../../sandbox/processes/identity.ts";
import { waitFor } from "../../sandbox/processes/wait.ts";
import type { FirewallRule } from "../../sandbox/vendors/compute.ts";

jest.setTimeout(180_000);

const directory = resolve(".sandbox-machines");
const name = "machines-test";
const context = sandboxContext(directory, name, process.cwd());
const machines = new Machines(context);

const WEB = { ipv4: "203.0.113.10", ipv6: "2001:db8:1:1::1" };
const DB = { ipv4: "203.0.113.11", ipv6: "2001:db8:1:2::1" };
const SSH: FirewallRule = {
  direction: "in",
  protocol: "tcp",
  port: "22",
  addresses: ["198.51.100.1/32", "2001:db8::1/128"],
};

const clientKey = join(directory, "client");
const file = (known: string) => join(directory, `known-${known}`);

function ssh(address: string, known: string, command: string, seconds = 5): Promise<CommandResult> {
  const options = [
    `UserKnownHostsFile=${file(known)}`,
    "GlobalKnownHostsFile=/dev/null",
    "StrictHostKeyChecking=yes",
    "IdentitiesOnly=yes",
    "BatchMode=yes",
    `ConnectTimeout=${seconds}`,
  ].flatMap((option) => ["-o", option]);
  const argv = ["ssh", "-i", clientKey, ...options, `root@${address}`, command];
  return attempt(netnsExec(driverNamespace(name), argv), { step: "ssh" });
}

/** Polls until the machine's sshd answers; returns the last failure otherwise. */
async function answer(address: string, command: string): Promise<CommandResult> {
  let last: CommandResult | undefined;
  await waitFor(30, async () => {
    last = await ssh(address, "right", command);
    return last.code === 0 ? true : undefined;
  });
  if (last === undefined) throw new Error("never tried");
  return last;
}

const bootId = async (address: string) =>
  (await answer(address, "cat /proc/sys/kernel/random/boot_id")).stdout;

async function create(machine: string, addresses: typeof WEB): Promise<void> {
  const publicKey = await ensureKeyPair(join(directory, `host-${machine}`), machine);
  const privateKey = readFileSync(join(directory, `host-${machine}`), "utf8");
  await machines.create({
    name: machine,
    addresses,
    firewall: null,
    userData: {
      hostKey: { privateKey, publicKey: `${publicKey}\n` },
      authorizedKeys: [readFileSync(`${clientKey}.pub`, "utf8").trim()],
    },
  });
}

async function cleanUp(): Promise<void> {
  for (const machine of machines.list()) await machines.delete(machine);
  await clearCgroups(sandboxCgroups(name));
  await removeNetwork(name);
  rmSync(directory, { recursive: true, force: true });
}

beforeAll(async () => {
  await cleanUp();
  mkdirSync(directory, { mode: 0o700 });
  await ensureKeyPair(clientKey, "test");
  await Promise.all([create("web", WEB), create("db", DB)]);
  const pin = (machine: string, { ipv4, ipv6 }: typeof WEB) =>
    `${ipv4},${ipv6} ${readFileSync(join(directory, `host-${machine}.pub`), "utf8")}`;
  writeFileSync(file("right"), pin("web", WEB) + pin("db", DB));
  writeFileSync(file("wrong"), pin("db", WEB) + pin("web", DB));
  writeFileSync(file("none"), "");
});
afterAll(cleanUp);

test("both machines answer over IPv4 and IPv6 with their given host key", async () => {
  expect((await answer(WEB.ipv4, "hostname")).stdout).toBe("web\n");
  expect((await answer(DB.ipv4, "hostname")).stdout).toBe("db\n");
  expect((await answer(WEB.ipv6, "systemctl is-system-running --wait")).stdout).toBe("running\n");
});

test("with a wrong or an unknown host key nothing connects", async () => {
  for (const known of ["wrong", "none"]) {
    const result = await ssh(WEB.ipv4, known, "hostname");
    expect(result).toMatchObject({ code: 255, stdout: "" });
    expect(result.stderr).toContain("Host key verification failed");
  }
});

test("the machine keeps no copy of the bootstrap key", async () => {
  const { stdout } = await answer(WEB.ipv4, "ls /etc/ssh/ssh_host_* /etc/pantheros-sandbox");
  expect(stdout).not.toMatch(/rsa|ecdsa|host_key$/m);
});

test("machines have no Internet access, and reach each other", async () => {
  expect((await answer(WEB.ipv4, `ping -c1 -W2 ${DB.ipv4}`)).stdout).toContain("1 received");
  const out = await ssh(WEB.ipv4, "right", "timeout 2 ping -c1 -W1 192.0.2.1");
  expect(out.code).not.toBe(0);
});

describe("firewall", () => {
  const reach = (address: string) => ssh(address, "right", "true", 2);
  const fromWeb = (address: string) =>
    ssh(WEB.ipv4, "right", `timeout 2 bash -c 'exec 3<>/dev/tcp/${address}/22' && echo open || echo closed`);

  afterAll(() => machines.applyFirewall("db", null));

  test("without rules it blocks IPv4 and IPv6, from the driver and from other machines", async () => {
    await answer(DB.ipv4, "true");
    await machines.applyFirewall("db", []);
    expect((await reach(DB.ipv4)).code).toBe(255);
    expect((await reach(DB.ipv6)).code).toBe(255);
    expect((await fromWeb(DB.ipv4)).stdout).toBe("closed\n");
  });

  test("a rule opens its port to its sources only", async () => {
    await machines.applyFirewall("db", [SSH]);
    expect((await reach(DB.ipv4)).code).toBe(0);
    expect((await reach(DB.ipv6)).code).toBe(0);
    expect((await fromWeb(DB.ipv4)).stdout).toBe("closed\n");
    expect((await fromWeb(DB.ipv6)).stdout).toBe("closed\n");
  });

  test("answers to the machine's own connections pass", async () => {
    const out = await ssh(
      DB.ipv4,
      "right",
      `timeout 2 bash -c 'exec 3<>/dev/tcp/${WEB.ipv4}/22' && echo open`,
    );
    expect(out.stdout).toBe("open\n");
  });

  test("rules survive a restart, and end with the firewall", async () => {
    await machines.stop("db", "force");
    await machines.start("db");
    await answer(DB.ipv4, "true");
    expect((await fromWeb(DB.ipv4)).stdout).toBe("closed\n");
    await machines.applyFirewall("db", null);
    expect((await fromWeb(DB.ipv4)).stdout).toBe("open\n");
  });
});

describe("power", () => {
  test("a reboot boots the same disk again", async () => {
    const before = await bootId(WEB.ipv4);
    await answer(WEB.ipv4, "echo kept > /root/file");
    await machines.reboot("web");
    expect(await bootId(WEB.ipv4)).not.toBe(before);
    expect((await answer(WEB.ipv4, "cat /root/file")).stdout).toBe("kept\n");
  });

  test("the machine can reboot itself", async () => {
    const before = await bootId(WEB.ipv4);
    await ssh(WEB.ipv4, "right", "systemctl reboot");
    const back = await waitFor(30, async () => ((await bootId(WEB.ipv4)) === before ? undefined : true));
    expect(back).toBe(true);
  });

  test("after kill -9 of its keeper the machine is off, and recover starts it from its disk", async () => {
    const keeper = readPidFile(machines.paths("web").keeperPid);
    if (keeper === undefined) throw new Error("no keeper");
    signalProcess(keeper, "SIGKILL");
    await waitFor(5, () => (machines.state("web") === "off" ? true : undefined));
    expect(machines.state("web")).toBe("off");
    expect(await machines.recover("web")).toBe(true);
    expect((await answer(WEB.ipv4, "cat /root/file")).stdout).toBe("kept\n");
    expect(await machines.recover("web")).toBe(false);
  });

  test("the same after kill -9 of all its processes and the loss of its network", async () => {
    for (const pid of machineCgroups(name, "web").flatMap(cgroupProcesses)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended with its parent.
      }
    }
    await attempt(["ip", "netns", "del", `${driverNamespace(name)}.web`], { step: "test" });
    expect(await machines.recover("web")).toBe(true);
    expect((await answer(WEB.ipv4, "cat /root/file")).stdout).toBe("kept\n");
  });

  test("a machine that was switched off stays off until it is started", async () => {
    await machines.stop("web", "clean");
    expect(machines.state("web")).toBe("off");
    expect(machineCgroups(name, "web").flatMap(cgroupProcesses)).toEqual([]);
    expect(await machines.recover("web")).toBe(false);
    await machines.start("web");
    expect((await answer(WEB.ipv4, "cat /root/file")).stdout).toBe("kept\n");
  });
});

test("deleted machines leave nothing, nor does the sandbox", async () => {
  const namespaces = new Set(
    sandboxNamespaces(name).flatMap((namespace) => namespaceId(namespacePath(namespace)) ?? []),
  );
  expect(namespaces.size).toBe(3);
  // The check works: it finds a namespace that exists.
  expect(leftovers(context, namespaces).join("\n")).toMatch(/process \d+: .*keeper\.sh|network namespace/);
  await Promise.all([machines.delete("web"), machines.delete("db")]);
  expect(machines.state("web")).toBe("missing");
  expect(existsSync(machines.paths("web").directory)).toBe(false);
  await clearCgroups(sandboxCgroups(name));
  await removeNetwork(name);
  const left = await waitFor(5, () => (leftovers(context, namespaces).length === 0 ? [] : undefined));
  expect(left ?? leftovers(context, namespaces)).toEqual([]);
});

test("a sandbox in a directory that is a mount point, as in a container, is removed, and the directory stays", async () => {
  const mounted = join(directory, "mounted");
  mkdirSync(mounted, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "tmpfs", mounted]);
  try {
    mkdirSync(join(mounted, "keys"));
    const other = sandboxContext(mounted, "mounted-test", process.cwd());
    expect(
      await removeSandbox(
        other,
        createSteps(() => {}),
        { keep: false },
      ),
    ).toEqual([]);
    expect(readdirSync(mounted)).toEqual([]);
  } finally {
    execFileSync("umount", [mounted]);
  }
});
