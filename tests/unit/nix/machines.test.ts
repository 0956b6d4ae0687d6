import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evaluate } from "./nix.ts";

const set = (module: string, config: string, wanted: string): unknown =>
  evaluate(`let set = import (nix + "/../tests/unit/nix/one-module.nix") {
    inherit nix;
    module = nix + "/modules/${module}";
    config = ${config};
  }; in ${wanted}`);
const REFUSED = "map (each: each.message) (builtins.filter (each: !each.assertion) set.assertions)";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "machines-"));
});
afterEach(() => rmSync(root, { recursive: true }));
/** Writes a program that is found before the machine's own. */
function program(name: string, text: string): void {
  mkdirSync(join(root, "bin"), { recursive: true });
  writeFileSync(join(root, "bin", name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(root, "bin", name), 0o755);
}
const sh = (...argv: readonly string[]) =>
  spawnSync("sh", argv, {
    encoding: "utf8",
    env: { ...process.env, PATH: `${root}/bin:${process.env["PATH"]}`, ROOT: root },
  });

describe("a scan of the hardware", () => {
  const scan = (found: unknown, built?: unknown) => {
    mkdirSync(join(root, "scan"), { recursive: true });
    writeFileSync(join(root, "found.json"), JSON.stringify({ hardware: found }));
    if (built !== undefined) writeFileSync(join(root, "built.json"), JSON.stringify({ hardware: built }));
    program("nixos-facter", '[ "$1" = --output ] && cp "$ROOT/found.json" "$2"');
    const report = built === undefined ? "" : join(root, "built.json");
    return sh("nix/modules/core/hardware-scan.sh", report, join(root, "scan"), root);
  };
  const metrics = () => readFileSync(join(root, "hardware.prom"), "utf8");
  const intel = { vendor: { value: 32902 }, device: { value: 1 } };
  const nvidia = { vendor: { value: 4318 }, device: { value: 2 } };

  test("keeps the report, and writes its duration as a metric", () => {
    expect(scan({ graphics_card: [intel] })).toMatchObject({ status: 0 });
    expect(JSON.parse(readFileSync(join(root, "scan/facter.json"), "utf8"))).toHaveProperty("hardware");
    expect(metrics()).toMatch(/^pantheros_hardware_scan_seconds \d+\.\d{3}$/m);
    expect(metrics()).toMatch(/^pantheros_hardware_changed 0$/m);
  });

  test("reports a device that the host was built for and is not there, and what to do", () => {
    const minimal = { graphics_card: [{ vendor: { value: 32902 } }, { vendor: { value: 4318 } }] };
    expect(scan({ graphics_card: [intel, nvidia] }, minimal).stderr).toBe("");
    expect(metrics()).toMatch(/changed 0$/m);
    const { status, stderr } = scan({ graphics_card: [intel], disk: [intel] }, minimal);
    expect(status).toBe(0);
    expect(stderr).toContain("graphics_card 4318");
    expect(stderr).not.toContain("32902");
    expect(stderr).toContain("nix/hosts, and deploy");
    expect(metrics()).toMatch(/changed 1$/m);
  });

  test("that fails leaves the last report and its metrics as they are", () => {
    scan({ graphics_card: [intel] });
    program("nixos-facter", "exit 1");
    const before = metrics();
    expect(sh("nix/modules/core/hardware-scan.sh", "", join(root, "scan"), root).status).not.toBe(0);
    expect([metrics(), JSON.parse(readFileSync(join(root, "scan/facter.json"), "utf8"))]).toEqual([
      before,
      { hardware: { graphics_card: [intel] } },
    ]);
  });

  test("has the inventory's budget as its limit", () => {
    const config = `{ pantheros = { hardware = { scan = { enable = true; seconds = 4; }; report = null; }; services.alloy.textfiles = "/metrics"; }; }`;
    expect(
      set(
        "core/hardware-scan.nix",
        config,
        "set.systemd.services.pantheros-hardware-scan.serviceConfig.TimeoutStartSec",
      ),
    ).toBe(4);
  });
});

describe("upkeep of btrfs", () => {
  const maintain = () => sh("nix/modules/storage/maintenance.sh", "/", "/var/log");

  test("scrubs and balances every file system", () => {
    program("btrfs", 'echo "$1 $2 $*" >>"$ROOT/calls"');
    expect(maintain().status).toBe(0);
    const calls = readFileSync(join(root, "calls"), "utf8").trim().split("\n");
    expect(calls.map((call) => [call.split(" ")[0], call.split(" ").at(-1)])).toEqual([
      ["scrub", "/"],
      ["balance", "/"],
      ["scrub", "/var/log"],
      ["balance", "/var/log"],
    ]);
    // Without filters a balance would rewrite the whole disk.
    expect(calls.filter((call) => call.startsWith("balance"))).toEqual(
      Array(2).fill(expect.stringContaining("-dusage=10")),
    );
  });

  test("goes on after an error, names the file system, and fails", () => {
    program("btrfs", 'echo "$1" >>"$ROOT/calls"; [ "$1 $6" != "scrub /" ]');
    const { status, stderr } = maintain();
    expect(status).toBe(1);
    expect(stderr).toMatch(/^\/: scrub found errors/);
    expect(readFileSync(join(root, "calls"), "utf8").split("\n")).toHaveLength(5);
  });
});

describe("the SSH client", () => {
  const settings = (host: string) => {
    const text = evaluate(`import (nix + "/lib/ssh-client.nix") {
      hosts = { web = { address = "web.tail.ts.net"; port = 2222; }; db = { address = "db.tail.ts.net"; port = 22; }; };
      agent = "~/.1password/agent.sock";
    }`) as string;
    writeFileSync(join(root, "config"), text);
    const { status, stdout, stderr } = spawnSync("ssh", ["-G", "-T", "-F", join(root, "config"), host], {
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([0, ""]);
    return stdout.split("\n");
  };

  test("reaches each host of the fleet by its name, with one key for it", () => {
    expect(settings("web")).toEqual(
      expect.arrayContaining(["hostname web.tail.ts.net", "port 2222", "hostkeyalias web"]),
    );
    expect(settings("db")).toEqual(expect.arrayContaining(["hostname db.tail.ts.net", "port 22"]));
  });

  test("asks about new keys and hands no key on, for other hosts too", () => {
    for (const host of ["web", "other.example.test"]) {
      const found = settings(host);
      expect(found).toEqual(
        expect.arrayContaining(["stricthostkeychecking ask", "forwardagent no", "forwardx11 no"]),
      );
      expect(found.find((line) => line.startsWith("identityagent"))).toMatch(/\.1password\/agent\.sock$/);
    }
    expect(settings("other.example.test").some((line) => line.startsWith("hostkeyalias"))).toBe(false);
  });
});

describe("security keys", () => {
  const key = "handle,public,es256,+presence";
  const config = (more: string, layout = "luks-btrfs") => `{
    networking.domain = "example.test";
    pantheros = {
      users = { me.passwordSecret = "password-me"; other.passwordSecret = null; };
      storage.layout = "${layout}";
      hardwareKeys = { enable = true; accounts = {}; control = "sufficient"; disk = false; } // { ${more} };
    };
  }`;
  const of = (given: string, wanted: string) => set("security/hardware-keys.nix", given, wanted);

  test("one registration holds on every host, and an account without a key does not pass", () => {
    const found = of(config(`accounts.me = ["${key}"];`), "set.security.pam.u2f") as {
      settings: Record<string, unknown>;
    };
    expect(found.settings).toMatchObject({ origin: "pam://example.test", appid: "pam://example.test" });
    expect(found.settings).not.toHaveProperty("nouserok");
    // Nobody has a key: passwords alone count.
    expect(of(config(""), "set.security.pam.u2f")).toEqual({});
  });

  test("are not required of a person who has none, and belong to people of the host", () => {
    expect(of(config('control = "required";'), REFUSED)).toEqual([
      expect.stringContaining("would lock out me: register a key"),
    ]);
    expect(of(config(`control = "required"; accounts.me = ["${key}"];`), REFUSED)).toEqual([]);
    expect(of(config(`accounts.stranger = ["${key}"];`), REFUSED)).toEqual([
      expect.stringContaining("stranger have no account on this host"),
    ]);
  });

  test("unlock an encrypted disk with systemd in the first boot stage, and no other disk", () => {
    expect(of(config("disk = true;"), "set.boot.initrd")).toEqual({
      systemd: { enable: true },
      luks: { devices: { crypt: { crypttabExtraOpts: ["fido2-device=auto", "token-timeout=30"] } } },
    });
    expect(of(config("disk = true;", "btrfs-classes"), REFUSED)).toEqual([
      expect.stringContaining('storage.layout = "luks-btrfs"'),
    ]);
    // The name of the disk in lib/storage.nix.
    expect(readFileSync("nix/lib/storage.nix", "utf8")).toContain('name = "crypt";');
  });
});

describe("virtual machines", () => {
  const config = (pool: string, groups = "[]") => `{
    pantheros.virtualMachines = { enable = true; bridge = "incusbr0"; address = "10.87.0.1/24"; pool = ${pool}; limits = { cpus = 2; memory = "2GiB"; disk = "20GiB"; }; };
    users.users.me = { isNormalUser = true; extraGroups = ${groups}; };
  }`;
  const of = (given: string, wanted: string) => set("virtual-machines/default.nix", given, wanted);

  test("have limits, a network behind the host, and reach only its names and addresses", () => {
    const dir = config('{ driver = "dir"; source = null; }');
    const preseed = of(dir, "set.virtualisation.incus.preseed") as Record<string, unknown[]>;
    expect(preseed["profiles"]).toEqual([
      expect.objectContaining({ config: { "limits.cpu": "2", "limits.memory": "2GiB" } }),
    ]);
    expect(preseed["storage_pools"]).toEqual([{ name: "default", driver: "dir" }]);
    expect(of(dir, "set.networking.firewall.interfaces")).toEqual({
      incusbr0: { allowedTCPPorts: [53], allowedUDPPorts: [53, 67] },
    });
    expect(of(dir, REFUSED)).toEqual([]);
  });

  test("need a place for a driver with snapshots, and nobody is root by a group", () => {
    expect(of(config('{ driver = "zfs"; source = null; }', '["incus-admin"]'), REFUSED)).toEqual([
      expect.stringContaining("the driver zfs needs an empty directory or dataset"),
      expect.stringContaining("use `sudo incus`"),
    ]);
  });
});

describe("containers of the workspace for models", () => {
  const image = `example.test/memory@sha256:${"0".repeat(64)}`;
  const config = (containers: string, gpus = '["intel" "nvidia"]') => `{
    networking.hostName = "laptop";
    pantheros = {
      aiWorkspace = { enable = true; containers = ${containers}; };
      hardware.gpus = ${gpus};
      secrets.memory-key.path = "/run/secrets/memory-key";
    };
  }`;
  const one = (more: string) =>
    `{ memory = { image = "${image}"; ports = [8100]; gpu = false; data = "/data"; environment = {}; secret = null; memory = "4g"; } // { ${more} }; }`;
  const of = (given: string, wanted: string) => set("ai-workspace/containers.nix", given, wanted);

  test("listen on loopback, keep one directory, and have no capabilities", () => {
    expect(of(config(one("")), "set.virtualisation.oci-containers.containers.memory")).toMatchObject({
      image,
      ports: ["127.0.0.1:8100:8100"],
      volumes: ["/var/lib/ai-workspace/memory:/data"],
      environmentFiles: [],
      extraOptions: ["--cap-drop=all", "--security-opt=no-new-privileges", "--memory=4g"],
    });
  });

  test("wait for their secret, which is in a file", () => {
    const given = config(one('secret = "memory-key";'));
    expect(of(given, "set.pantheros.secrets")).toEqual({ "memory-key": { services: ["podman-memory"] } });
    expect(of(given, "set.virtualisation.oci-containers.containers.memory.environmentFiles")).toEqual([
      "/run/secrets/memory-key",
    ]);
  });

  test("use the processors of the report, and are refused where it has none", () => {
    const options = (gpus: string) =>
      of(
        config(one("gpu = true;"), gpus),
        "set.virtualisation.oci-containers.containers.memory.extraOptions",
      );
    expect(options('["intel" "nvidia"]')).toEqual(
      expect.arrayContaining(["--device=nvidia.com/gpu=all", "--device=/dev/dri"]),
    );
    expect(options('["amd"]')).toEqual(expect.arrayContaining(["--device=/dev/kfd", "--device=/dev/dri"]));
    expect(options('["nvidia"]')).not.toContain("--device=/dev/dri");
    expect(of(config(one("gpu = true;"), "[]"), REFUSED)).toEqual([
      expect.stringContaining("the hardware report of laptop has none"),
    ]);
  });
});
