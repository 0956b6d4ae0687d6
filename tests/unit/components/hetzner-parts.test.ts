import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { CLOUDFLARE_RANGES } from "../../../clients/cloudflare/ranges.ts";
import { parseKeyPair } from "../../../components/host-key.ts";
import { bootstrapUserData } from "../../../components/user-data.ts";
import { PROGRAMS } from "../../../deployer/programs.ts";
import { firstIpv6 } from "../../../providers/hetzner/addresses.ts";
import { firewallRules } from "../../../providers/hetzner/firewall.ts";
import { hostKey, keyPairJson } from "../mocks.ts";

describe("firewall", () => {
  test("admits SSH from the deploy's networks, the web from Cloudflare, Tailscale and ICMP from anywhere", () => {
    const rules = firewallRules({ ssh: ["203.0.113.5/32", "198.51.100.1/32", "198.51.100.1/32"] });
    expect(rules.map(({ protocol, port, sourceIps }) => [protocol, port, sourceIps.length])).toEqual([
      ["tcp", "22", 2],
      ["tcp", "80", CLOUDFLARE_RANGES.length],
      ["tcp", "443", CLOUDFLARE_RANGES.length],
      ["udp", "41641", 2],
      ["icmp", undefined, 2],
    ]);
    expect(rules[0]?.sourceIps).toEqual(["198.51.100.1/32", "203.0.113.5/32"]);
    const open = rules.filter(({ sourceIps }) => sourceIps.includes("0.0.0.0/0"));
    expect(open.map(({ protocol }) => protocol)).toEqual(["udp", "icmp"]);
  });

  test("admits SSH at each port of sshd", () => {
    const rules = firewallRules({ ssh: ["203.0.113.5/32"], sshPorts: [2222, 22], web: [] });
    expect(rules.slice(0, 2)).toMatchObject([
      { port: "2222", sourceIps: ["203.0.113.5/32"] },
      { port: "22", sourceIps: ["203.0.113.5/32"] },
    ]);
  });

  test("has no rules if no network is admitted", () => {
    expect(firewallRules({ ssh: [], web: [] }).map(({ port }) => port)).toEqual(["41641", undefined]);
  });

  test("refuses more networks than the vendor accepts", () => {
    const ssh = Array.from({ length: 101 }, (_, i) => `198.51.100.${i}/32`);
    expect(() => firewallRules({ ssh })).toThrow(
      'firewall rule "SSH: installation and recovery": 101 networks',
    );
  });

  test("the list of Cloudflare's networks is complete, unique and well-formed", () => {
    const families = CLOUDFLARE_RANGES.map((range) => isIP(range.split("/")[0] ?? ""));
    expect(families.filter((family) => family === 4)).toHaveLength(15);
    expect(families.filter((family) => family === 6)).toHaveLength(7);
    expect(new Set(CLOUDFLARE_RANGES).size).toBe(22);
    // Wide enough for a provider's networks, never the whole Internet.
    for (const range of CLOUDFLARE_RANGES) expect(Number(range.split("/")[1])).toBeGreaterThanOrEqual(13);
  });
});

describe("user data", () => {
  const pair = parseKeyPair(keyPairJson("AAAA\nBBBB"));

  test("is a cloud-config with the bootstrap host key and nothing else", () => {
    expect(bootstrapUserData(pair, 32_768)).toBe(`#cloud-config
ssh_deletekeys: true
ssh_keys:
  ed25519_private: |
    -----BEGIN OPENSSH PRIVATE KEY-----
    AAAA
    BBBB
    -----END OPENSSH PRIVATE KEY-----
  ed25519_public: ${hostKey}
`);
  });

  test("refuses other keys and more bytes than the vendor accepts", () => {
    expect(() => bootstrapUserData({ ...pair, public: "ssh-rsa AAAA" }, 32_768)).toThrow(
      "not an OpenSSH ed25519 key pair",
    );
    expect(() =>
      bootstrapUserData({ ...pair, private: `${pair.private}${"A".repeat(33_000)}` }, 32_768),
    ).toThrow("the limit is 32768");
  });
});

describe("host keys", () => {
  test("the script generates a matching pair and leaves no files", () => {
    const directory = mkdtempSync(join(tmpdir(), "pantheros-test-"));
    try {
      const real = execFileSync("sh", ["-c", "command -v ssh-keygen"], { encoding: "utf8" }).trim();
      const shim = `#!/bin/sh\nfor word; do last=$word; done\nprintf '%s\\n' "$last" >>"${directory}/paths"\nexec ${real} "$@"\n`;
      writeFileSync(join(directory, "ssh-keygen"), shim, { mode: 0o755 });
      const env = { ...process.env, PATH: `${directory}:${process.env["PATH"]}` };
      const run = () => parseKeyPair(execFileSync("sh", [PROGRAMS.hostKey], { encoding: "utf8", env }));
      const [first, second] = [run(), run()];
      expect(second.public).not.toBe(first.public);
      writeFileSync(join(directory, "key"), first.private, { mode: 0o600 });
      const derived = execFileSync(real, ["-y", "-f", join(directory, "key")], { encoding: "utf8" });
      expect(derived.trim()).toBe(first.public);
      const paths = readFileSync(join(directory, "paths"), "utf8").trim().split("\n");
      expect(paths).toHaveLength(2);
      for (const path of paths) expect(existsSync(dirname(path))).toBe(false);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("any other output is refused without being repeated", () => {
    for (const text of [
      "",
      "PRIVATE",
      "null",
      '{"private":"PRIVATE"}',
      '{"private":"PRIVATE","public":"PRIVATE"}',
    ]) {
      let message = "";
      try {
        parseKeyPair(text);
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).not.toBe("");
      expect(message).not.toContain("PRIVATE");
    }
  });
});

test("the server's IPv6 address is the first of its network", () => {
  expect(firstIpv6("2001:db8:1:2::/64")).toBe("2001:db8:1:2::1");
  expect(firstIpv6("2001:db8:1:2::")).toBe("2001:db8:1:2::1");
  expect(firstIpv6("2001:db8:1:2::1")).toBe("2001:db8:1:2::1");
});
