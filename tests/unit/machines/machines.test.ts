import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { imageFiles } from "../../../sandbox/image/build.ts";
import { mmdebstrapCommand, recipeHash } from "../../../sandbox/image/recipe.ts";
import { cgroupHierarchies, daemonCgroups, machineCgroups } from "../../../sandbox/machines/cgroups.ts";
import { machineOfServer, serverAddress6 } from "../../../sandbox/machines/compute.ts";
import { daemonCommand } from "../../../sandbox/machines/daemon.ts";
import {
  createDisk,
  machinePaths,
  readRecord,
  recordedMachines,
  writeRecord,
} from "../../../sandbox/machines/disk.ts";
import { keeperCommand } from "../../../sandbox/machines/keeper.ts";
import { parseCloudConfig, readUserData, UserDataError } from "../../../sandbox/machines/user-data.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pantheros-machines-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\nBBBB==\n-----END OPENSSH PRIVATE KEY-----\n";
const PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA\n";

describe("user data", () => {
  const config = `#cloud-config
# a comment
hostname: "web"
ssh_deletekeys: true
ssh_keys:
  ed25519_private: |
${PRIVATE.trimEnd().replaceAll(/^/gm, "    ")}
  ed25519_public: ${PUBLIC.trimEnd()}
ssh_authorized_keys:
- ssh-ed25519 KEY1 'one'
- 'ssh-ed25519 KEY2'
package_update: false
`;

  test("host name, bootstrap host key and authorized keys", () => {
    expect(readUserData(config)).toEqual({
      hostname: "web",
      hostKey: { privateKey: PRIVATE, publicKey: PUBLIC },
      authorizedKeys: ["ssh-ed25519 KEY1 'one'", "ssh-ed25519 KEY2"],
    });
  });

  test("JSON is YAML", () => {
    const keys = { ed25519_private: PRIVATE, ed25519_public: PUBLIC };
    expect(readUserData(`#cloud-config\n${JSON.stringify({ ssh_keys: keys })}`).hostKey).toEqual({
      privateKey: PRIVATE,
      publicKey: PUBLIC,
    });
  });

  test("indented lists, empty values, literal blocks without final newline", () => {
    expect(parseCloudConfig("#cloud-config\na:\n  - x\n  - y\nb: |-\n  1\n\n  2\nc:\n")).toEqual({
      a: ["x", "y"],
      b: "1\n\n2",
      c: "",
    });
  });

  test.each([
    ["#!/bin/sh\necho", /#cloud-config/],
    ["#cloud-config\nhostname: [web]", /line 2/],
    ["#cloud-config\nhostname web", /line 2/],
    ["#cloud-config\n{", /JSON/],
    ["#cloud-config\n- a", /want a map/],
    ["#cloud-config\nssh_keys:\n  ed25519_public: x", /needs both/],
    ["#cloud-config\na: 1\n   b: 2", /line 3/],
  ])("refuses %j with the reason", (text, message) => {
    expect(() => readUserData(text)).toThrow(UserDataError);
    expect(() => readUserData(text)).toThrow(message);
  });
});

describe("server to machine", () => {
  test("root gets the vendor's keys and those of the user data; the machine gets ::1 of its network", () => {
    const machine = machineOfServer({
      id: 1,
      name: "web",
      ipv4: "203.0.113.10",
      ipv6: "2001:db8:1:7::/64",
      authorizedKeys: ["ssh-ed25519 A\n", "ssh-ed25519 B"],
      userData: "#cloud-config\nssh_authorized_keys:\n  - ssh-ed25519 B\n",
      firewall: [],
    });
    expect(machine.addresses).toEqual({ ipv4: "203.0.113.10", ipv6: "2001:db8:1:7::1" });
    expect(machine.userData.authorizedKeys).toEqual(["ssh-ed25519 A", "ssh-ed25519 B"]);
    expect(machine.firewall).toEqual([]);
  });

  test.each([
    ["2001:db8:1:2::/64", "2001:db8:1:2::1"],
    ["2001:db8::/64", "2001:db8::1"],
  ])("%s", (network, address) => expect(serverAddress6(network)).toBe(address));
});

describe("disk", () => {
  test("holds what first-boot reads, secrets readable by root alone", () => {
    const paths = machinePaths(directory, "web");
    createDisk(paths, {
      hostname: "web",
      hostKey: { privateKey: PRIVATE, publicKey: PUBLIC },
      authorizedKeys: ["k"],
    });
    const file = (name: string) => join(paths.upper, "etc/pantheros-sandbox", name);
    expect(readFileSync(file("host_key"), "utf8")).toBe(PRIVATE);
    expect(statSync(file("host_key")).mode & 0o777).toBe(0o600);
    expect(statSync(paths.upper).mode & 0o777).toBe(0o755);
    expect(statSync(paths.directory).mode & 0o777).toBe(0o700);
  });

  test("an incomplete disk is not a machine", () => {
    const paths = machinePaths(directory, "web");
    createDisk(paths, { hostname: "web", authorizedKeys: [] });
    expect(recordedMachines(directory)).toEqual([]);
    writeRecord(paths, { name: "web", base: "/b", addresses: {}, firewall: null, power: "on" });
    expect(recordedMachines(directory)).toEqual(["web"]);
    expect(readRecord(paths)?.power).toBe("on");
  });

  // The script that the image runs before sshd, under each shell that may run it.
  test.each([["dash"], ["busybox", "sh"], ["bash", "--posix"]])("first-boot under %s %s", (...shell) => {
    const paths = machinePaths(directory, "web");
    createDisk(paths, {
      hostname: "web",
      hostKey: { privateKey: PRIVATE, publicKey: PUBLIC },
      authorizedKeys: ["k1", "k2"],
    });
    const root = paths.upper;
    mkdirSync(join(root, "etc/ssh"));
    mkdirSync(join(root, "root"));
    writeFileSync(join(root, "etc/ssh/ssh_host_rsa_key"), "of the image");
    const [program = "", ...args] = shell.filter((word) => typeof word === "string");
    const script = "sandbox/image/files/usr/local/lib/pantheros-sandbox/first-boot";
    const options = { env: { ...process.env, PANTHEROS_ROOT: root } };
    // Twice: it runs at every boot.
    for (const _ of [1, 2]) execFileSync(program, [...args, script], options);
    expect(readFileSync(join(root, "etc/ssh/ssh_host_ed25519_key"), "utf8")).toBe(PRIVATE);
    expect(statSync(join(root, "etc/ssh/ssh_host_ed25519_key")).mode & 0o777).toBe(0o600);
    expect(existsSync(join(root, "etc/ssh/ssh_host_rsa_key"))).toBe(false);
    expect(existsSync(join(root, "etc/pantheros-sandbox/host_key"))).toBe(false);
    expect(readFileSync(join(root, "root/.ssh/authorized_keys"), "utf8")).toBe("k1\nk2\n");
  });
});

describe("cgroups", () => {
  const exists =
    (...paths: string[]) =>
    (path: string) =>
      paths.includes(path);

  test("pure version 2, version 1 with and without unified", () => {
    expect(cgroupHierarchies(exists("/sys/fs/cgroup/cgroup.controllers"))).toEqual(["/sys/fs/cgroup"]);
    expect(
      cgroupHierarchies(exists("/sys/fs/cgroup/systemd/cgroup.procs", "/sys/fs/cgroup/unified/cgroup.procs")),
    ).toEqual(["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"]);
    expect(cgroupHierarchies(exists("/sys/fs/cgroup/systemd/cgroup.procs"))).toEqual([
      "/sys/fs/cgroup/systemd",
    ]);
  });

  test("each machine and daemon has its own directory", () => {
    expect(machineCgroups("s", "web", ["/c"])).toEqual(["/c/pantheros-s/web"]);
    expect(daemonCgroups("s", "vendors", ["/c"])).toEqual(["/c/pantheros-s/_vendors"]);
    expect(() => machineCgroups("s", "../web", ["/c"])).toThrow(/machine name/);
  });
});

describe("commands", () => {
  test("the keeper gets its own mount namespace, into which the host's unmounts propagate", () => {
    const argv = keeperCommand(
      { name: "s", repository: "/r" },
      { directory: "/d/machines/web" },
      { name: "web", base: "/b" },
      ["/c/pantheros-s/web"],
    );
    expect(argv.slice(0, 3)).toEqual(["unshare", "--mount", "--propagation=slave"]);
    expect(argv.slice(4)).toEqual([
      "/r/sandbox/machines/keeper.sh",
      "/d/machines/web",
      "/b",
      "/run/netns/pantheros-s.web",
      "s.web",
      "web",
      "/c/pantheros-s/web",
    ]);
  });

  test("a daemon enters its cgroups before it execs the program", () => {
    const cgroups = [join(directory, "one"), join(directory, "two")];
    const [program = "", ...args] = daemonCommand({
      cgroups,
      argv: ["sh", "-c", 'echo "$$ $1"', "x", "a b"],
    });
    const { stdout } = spawnSync(program, args, { encoding: "utf8" });
    const [pid] = stdout.split(" ");
    expect(stdout).toBe(`${pid} a b\n`);
    for (const cgroup of cgroups) expect(readFileSync(join(cgroup, "cgroup.procs"), "utf8")).toBe(`${pid}\n`);
  });
});

describe("image", () => {
  const files = imageFiles("sandbox/image/files");
  const recipe = { suite: "trixie", files };

  test("its name depends on its content, not on the mirror or the order of its files", () => {
    const hash = recipeHash(recipe);
    expect(
      recipeHash({ ...recipe, mirror: "http://mirror.example.test/debian", files: [...files].reverse() }),
    ).toBe(hash);
    expect(recipeHash({ ...recipe, suite: "bookworm" })).not.toBe(hash);
    const [first, ...rest] = files;
    if (first === undefined) throw new Error("the image has no files");
    expect(recipeHash({ ...recipe, files: [{ ...first, content: `${first.content}\n` }, ...rest] })).not.toBe(
      hash,
    );
  });

  test("programs are executable, units are not", () => {
    const mode = (path: string) => files.find((file) => file.path === path)?.mode;
    expect(mode("usr/local/lib/pantheros-sandbox/first-boot")).toBe(0o755);
    expect(mode("etc/systemd/system/pantheros-boot.service")).toBe(0o644);
  });

  test("mmdebstrap gets the mirror and the keyring, if any", () => {
    expect(mmdebstrapCommand(recipe, "/x").slice(-2)).toEqual(["trixie", "/x"]);
    const argv = mmdebstrapCommand({ ...recipe, mirror: "http://mirror.example.test" }, "/x", "/k.gpg");
    expect(argv).toContain("--keyring=/k.gpg");
    expect(argv.at(-1)).toBe("http://mirror.example.test");
  });
});
