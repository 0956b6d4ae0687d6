import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExistingHost } from "../../../inventory/plan.ts";
import type { StackOutputs } from "../../../outputs/contract.ts";
import { adoptedMachine, knownHostsText, machineName } from "../../../sandbox/cli/adopted.ts";
import { ensureKeyPair, writeAtomic } from "../../../sandbox/cli/files.ts";
import { knownHostsLine, sshCommand } from "../../../sandbox/cli/hosts.ts";
import { layoutOf } from "../../../sandbox/cli/layout.ts";
import { cgroupProblem, findProgram, missingPrograms, PROGRAMS } from "../../../sandbox/cli/prerequisites.ts";
import { nixSystem } from "../../../sandbox/cli/site.ts";
import { createSteps } from "../../../sandbox/cli/steps.ts";
import { healthText, nextSteps, summaryLines } from "../../../sandbox/cli/summary.ts";
import { buildCommand } from "../../../sandbox/cli/unmanaged.ts";
import { sandboxPlan } from "../../../sandbox/cli/up.ts";
import { vaultSeeds } from "../../../sandbox/cli/vault.ts";
import { preinstallCommand } from "../../../sandbox/machines/preinstalled.ts";

const legacy = {
  name: "legacy",
  provider: { kind: "existing", vendor: "home", address: "198.51.100.20", sshPort: 22 },
} as unknown as ExistingHost;

test("the sandbox's environment is that of its stack's file, whatever its name", () => {
  const repository = mkdtempSync(join(tmpdir(), "pantheros-plan-"));
  try {
    const fleet = readFileSync("sandbox/nix/fleet.toml", "utf8");
    mkdirSync(join(repository, "sandbox/nix"), { recursive: true });
    writeFileSync(
      join(repository, "sandbox/nix/fleet.toml"),
      `${fleet.replaceAll('environment = "sandbox"', 'environment = "edge"')}\n[environments.edge]\nowns_singletons = true\n`,
    );
    const stack = readFileSync("Pulumi.sandbox.yaml", "utf8");
    writeFileSync(
      join(repository, "Pulumi.sandbox.yaml"),
      stack.replace("pantheros:environment: sandbox", "pantheros:environment: edge"),
    );
    const plan = sandboxPlan({ repository });
    expect(plan.environment).toBe("edge");
    expect(plan.hosts.map(({ name }) => name)).toEqual(["db", "legacy", "web"]);
  } finally {
    rmSync(repository, { recursive: true, force: true });
  }
});

describe("adopted machines", () => {
  const hostKey = { privateKey: "private\n", publicKey: "ssh-ed25519 HOST legacy\n" };

  test("have their address, no firewall, and accept the deploy key for root", () => {
    const machine = adoptedMachine(legacy, "ssh-ed25519 DEPLOY", hostKey);
    expect(machine.addresses).toEqual({ ipv4: "198.51.100.20" });
    expect(machine.firewall).toBeNull();
    expect(machine.userData).toEqual({ hostname: "legacy", hostKey, authorizedKeys: ["ssh-ed25519 DEPLOY"] });
  });

  test("need an address", () => {
    const lost = {
      ...legacy,
      provider: { ...legacy.provider, address: undefined },
    } as unknown as ExistingHost;
    expect(() => adoptedMachine(lost, "k", hostKey)).toThrow(/hosts\.legacy\.provider/);
  });

  test("are pinned by name and address, without the key's comment", () => {
    expect(knownHostsText([[legacy, "ssh-ed25519 HOST legacy"]])).toBe(
      "legacy,198.51.100.20 ssh-ed25519 HOST\n",
    );
  });
});

describe("files", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "pantheros-cli-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test("unchanged content is not written again", () => {
    const path = join(directory, "deep/file");
    writeAtomic(path, "one");
    const { ino } = statSync(path);
    writeAtomic(path, "one");
    expect(statSync(path).ino).toBe(ino);
    writeAtomic(path, "two");
    expect(readFileSync(path, "utf8")).toBe("two");
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("a key pair is made once; an incomplete one is replaced", async () => {
    const path = join(directory, "keys/deploy");
    const first = await ensureKeyPair(path, "deploy@test");
    expect(first).toMatch(/^ssh-ed25519 \S+ deploy@test$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await ensureKeyPair(path, "deploy@test")).toBe(first);
    rmSync(path);
    expect(await ensureKeyPair(path, "deploy@test")).not.toBe(first);
  });
});

describe("ssh to a host", () => {
  test("only with the pinned key, from the driver namespace", () => {
    const argv = sshCommand({
      context: { name: "s" },
      layout: { deployKey: "/k" },
      knownHosts: "/pins",
      target: "deploy@203.0.113.10",
      command: ["uptime"],
    });
    expect(argv.slice(0, 5)).toEqual(["ip", "netns", "exec", "pantheros-s", "ssh"]);
    expect(argv).toContain("StrictHostKeyChecking=yes");
    expect(argv).toContain("UserKnownHostsFile=/pins");
    expect(argv.slice(-2)).toEqual(["deploy@203.0.113.10", "uptime"]);
  });

  test("a host without a published key is refused", () => {
    expect(() => knownHostsLine("web", { addresses: {} })).toThrow(/no host key/);
    expect(knownHostsLine("web", { addresses: { ipv4: "203.0.113.10" }, hostKey: "ssh-ed25519 A" })).toBe(
      "web,203.0.113.10 ssh-ed25519 A\n",
    );
  });
});

test("every missing program is named with its package", () => {
  expect(missingPrograms("", (name) => `/usr/bin/${name}`)).toEqual([]);
  const lines = missingPrograms("", (name) => (name === "nft" ? undefined : name));
  expect(lines).toEqual(["nft is not on PATH: it comes with nftables"]);
  expect(missingPrograms("/nonexistent").length).toBe(Object.keys(PROGRAMS).length);
  expect(findProgram("sh", "/nonexistent:/bin")).toBe("/bin/sh");
});

test("missing or unwritable cgroups are reported", () => {
  expect(cgroupProblem([])).toMatch(/no cgroup hierarchy/);
  expect(cgroupProblem(["/proc/sys"])).toMatch(/can't be made here/);
  expect(cgroupProblem([tmpdir()])).toBeUndefined();
});

test("the hosts' Nix system follows this computer's processor", () => {
  expect(nixSystem("x64")).toBe("x86_64-linux");
  expect(() => nixSystem("mips")).toThrow(/mips/);
});

describe("steps", () => {
  function recorded() {
    const lines: string[] = [];
    let time = 0;
    const steps = createSteps(
      (line) => lines.push(line),
      () => time,
    );
    return { lines, steps, pass: (milliseconds: number) => (time += milliseconds) };
  }

  test("print name, elapsed time and notes, and the end of a slow step", async () => {
    const { lines, steps, pass } = recorded();
    pass(1500);
    await steps.run("network", async (note) => {
      note("waits for the kernel");
      pass(700);
    });
    await steps.run("quick", async () => pass(10));
    expect(lines).toEqual([
      "[   1.5 s] network",
      "[   1.5 s] network: waits for the kernel",
      "[   2.2 s] network: done in 0.7 s",
      "[   2.2 s] quick",
    ]);
  });

  test("a failure is printed and thrown", async () => {
    const { lines, steps } = recorded();
    await expect(steps.run("vendors", async () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(lines.at(-1)).toMatch(/vendors: FAILED after/);
  });

  test("a long step prints its progress every five seconds", async () => {
    jest.useFakeTimers();
    try {
      const { lines, steps } = recorded();
      let finish = () => {};
      const running = steps.run("image", (note) => {
        note("waits for the mirror");
        return new Promise<void>((resolve) => {
          finish = resolve;
        });
      });
      jest.advanceTimersByTime(10_000);
      finish();
      await running;
      expect(lines.filter((line) => line.endsWith("image: 0.0 s, waits for the mirror"))).toHaveLength(2);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe("summary", () => {
  const outputs: StackOutputs = {
    schemaVersion: 1,
    hosts: {
      web: {
        addresses: { ipv4: "203.0.113.10" },
        closure: "/nix/store/x-nixos-system-web",
        generation: 3,
        outcome: "confirmed",
        health: [
          { name: "a", ok: true },
          { name: "b", ok: true },
        ],
      },
      db: {
        addresses: { ipv4: "203.0.113.11" },
        outcome: "rolled-back",
        reason: "activation failed",
        health: [{ name: "tcp", ok: false }],
      },
    },
    services: { hello: { url: "https://hello.example.test", host: "web", public: true } },
    dns: {
      zone: "example.test",
      records: [{ name: "web.example.test", type: "A", content: "203.0.113.10", proxied: true }],
    },
    buckets: {
      cache: { name: "sandbox-nix-cache", endpoint: "http://198.51.100.1:9000", region: "eu-central-003" },
    },
    cache: {},
  };

  test("has each host with address, outcome, generation, health, closure; DNS; buckets", () => {
    const text = summaryLines(outputs).join("\n");
    expect(text).toMatch(/web +203\.0\.113\.10 +confirmed +3 +2\/2 ok +\/nix\/store\/x-nixos-system-web/);
    expect(text).toMatch(/db +203\.0\.113\.11 +rolled-back +- +failed: tcp +-/);
    expect(text).toContain("db: | activation failed");
    expect(text).toContain("203.0.113.10 (proxied)");
    expect(text).toContain("sandbox-nix-cache");
  });

  test("the next commands name an existing host and record", () => {
    const text = nextSteps(outputs, "CMD").join("\n");
    expect(text).toContain("CMD ssh web");
    expect(text).toContain("dig +short web.example.test");
    expect(text).toContain("make sandbox-down");
  });

  test("a host without checks has a dash", () => {
    expect(healthText([])).toBe("-");
  });
});

test("the vault gets one value for each reference, even when several hosts use it", () => {
  const secret = (host: string, reference: string) => ({ host, name: "s", reference });
  const seeds = vaultSeeds(
    {
      secrets: [
        secret("web", "op://v/shared/field"),
        secret("db", "op://v/shared/field"),
        secret("db", "op://v/db/s/f"),
      ],
    },
    () => "value",
  );
  expect(seeds.map(({ value, ...rest }) => ({ ...rest, value: value() }))).toEqual([
    { vault: "v", item: "shared", field: "field", value: "value" },
    { vault: "v", item: "db", section: "s", field: "f", value: "value" },
  ]);
});

describe("the system of a machine before its adoption", () => {
  const layout = layoutOf("/s");

  test("is built from the fleet's flake with this sandbox's keys", () => {
    const argv = buildCommand({ repository: "/r" }, layout, "path:/r/sandbox/nix", ["legacy"]);
    expect(argv.at(-1)).toBe("path:/r/sandbox/nix#nixosConfigurations.legacy.config.system.build.unmanaged");
    expect(argv.join(" ")).toContain(
      "--override-input site path:/s/site --override-input pantheros path:/r/nix",
    );
  });

  test("is on its disk before the first start, with the host key that was pinned", () => {
    const argv = preinstallCommand("/image", { directory: "/s/machines/legacy" }, "/nix/store/x");
    expect(argv.slice(0, 2)).toEqual(["unshare", "--mount"]);
    expect(argv.slice(-3)).toEqual(["/image", "/s/machines/legacy", "/nix/store/x"]);
    expect(argv[4]).toContain('--to "local?root=$root" "$system"');
    expect(argv[4]).toContain("ssh_host_ed25519_key");
  });
});

test("a renamed adopted host keeps its machine", () => {
  const known = (name: string) => name === "old";
  expect(machineName({ name: "new", formerly: "old" }, known)).toBe("old");
  expect(machineName({ name: "new", formerly: "older" }, known)).toBe("new");
  expect(machineName({ name: "old", formerly: undefined }, known)).toBe("old");
  expect(machineName({ name: "new", formerly: "old" }, () => true)).toBe("new");
});
