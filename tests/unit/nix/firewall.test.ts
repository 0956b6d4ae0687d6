import { spawnSync } from "node:child_process";
import { evaluate } from "./nix.ts";

const rules = (ssh: string, ports = "[]", sources = "[]") =>
  evaluate(
    `(import (nix + "/lib/firewall.nix")).inputRules {
      ssh = { port = 22; perMinute = 3; burst = 3; ${ssh} };
      publicPorts = ${ports};
      publicSources = ${sources};
    }`,
  ) as string;
const open = 'public = true; sources = ["198.51.100.7/32" "2001:db8::/64"];';

test("deploy sources are accepted first, all others with a limit per source", () => {
  expect(rules(open).split("\n")).toEqual([
    "ip saddr { 198.51.100.7/32 } tcp dport 22 accept",
    "ip6 saddr { 2001:db8::/64 } tcp dport 22 accept",
    "tcp dport 22 meter ssh-4 size 65535 { ip saddr timeout 2m limit rate over 3/minute burst 3 packets } counter reject with tcp reset",
    "tcp dport 22 meter ssh-6 size 65535 { ip6 saddr & ffff:ffff:ffff:ffff:: timeout 2m limit rate over 3/minute burst 3 packets } counter reject with tcp reset",
    "tcp dport 22 accept",
  ]);
});

test("a closed host accepts SSH only from deploy sources", () => {
  expect(rules('public = false; sources = ["198.51.100.7/32"];')).toBe(
    "ip saddr { 198.51.100.7/32 } tcp dport 22 accept",
  );
  expect(rules("public = false; sources = [];")).toBe("");
});

test("public ports are open to the proxy's networks, or to all without a proxy", () => {
  const closed = "public = false; sources = [];";
  expect(rules(closed, "[80 443]", '["192.0.2.0/24" "2001:db8::/32"]').split("\n")).toEqual([
    "ip saddr { 192.0.2.0/24 } tcp dport { 80, 443 } accept",
    "ip6 saddr { 2001:db8::/32 } tcp dport { 80, 443 } accept",
  ]);
  expect(rules(closed, "[80 443]")).toBe("tcp dport { 80, 443 } accept");
});

const nft = ["/usr/sbin/nft", "/sbin/nft", "nft"].find(
  (program) => spawnSync(program, ["--version"]).status === 0,
);
const mayAsk = nft !== undefined && process.getuid?.() === 0;

(mayAsk ? test : test.skip)("nftables takes the rules", () => {
  const table = `table inet pantheros-check {\n chain input-allow {\n${rules(open, "[80 443]", '["192.0.2.0/24"]')}\n }\n}\n`;
  const { status, stderr } = spawnSync(nft ?? "nft", ["--check", "--file", "-"], {
    input: table,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});
