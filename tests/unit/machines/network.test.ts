import { firewallScript, ruleStatements } from "../../../sandbox/network/firewall.ts";
import {
  checkName,
  driverNamespace,
  linkName,
  machineNamespace,
  nspawnName,
  ownsNamespace,
} from "../../../sandbox/network/names.ts";
import {
  driverCommands,
  machineCommands,
  prefix64,
  removeMachineCommands,
} from "../../../sandbox/network/plan.ts";
import type { FirewallRule } from "../../../sandbox/vendors/compute.ts";

const text = (commands: readonly (readonly string[])[]) => commands.map((argv) => argv.join(" "));

describe("names", () => {
  test("a machine of one sandbox is never the driver of another", () => {
    expect(machineNamespace("a", "b")).toBe("pantheros-a.b");
    expect(driverNamespace("a-b")).toBe("pantheros-a-b");
    expect(ownsNamespace("a", "pantheros-a")).toBe(true);
    expect(ownsNamespace("a", "pantheros-a.web")).toBe(true);
    expect(ownsNamespace("a", "pantheros-a-b")).toBe(false);
    expect(ownsNamespace("a", "pantheros-ab.web")).toBe(false);
  });

  test.each(["", "Web", "1web", "web.example", "../x", "web server", "x".repeat(64)])(
    "refuses machine %j",
    (name) => {
      expect(() => checkName("machine", name)).toThrow(/machine name/);
    },
  );

  test("a host name of any valid length makes a machine; nspawn's name is a valid host name", () => {
    const names = [1, 13, 14, 40, 41, 62, 63].map((length) => "x".repeat(length));
    const alike = ["a", "b"].map((end) => `${"x".repeat(62)}${end}`);
    const called = [...names, ...alike].map((name) => nspawnName("s".repeat(23), checkName("machine", name)));
    // As hostname_is_valid() of systemd: at most 64 characters, labels of letters, digits and inner dashes.
    for (const name of called)
      expect(name).toMatch(/^(?=.{1,64}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/);
    expect(new Set(called).size).toBe(called.length);
    expect(nspawnName("sandbox", "web")).toBe("sandbox.web");
    expect(new Set([...names, ...alike].map(linkName)).size).toBe(called.length);
  });

  test("link names fit the kernel's 15 characters and stay apart", () => {
    const long = ["production-database-1", "production-database-2"].map(linkName);
    expect(long.every((name) => name.length <= 15)).toBe(true);
    expect(new Set(long).size).toBe(2);
    expect(linkName("web")).toBe("v-web");
  });
});

describe("plan", () => {
  test("a machine is routed as at Hetzner: /32, on-link gateway, host route outside", () => {
    const lines = text(machineCommands("s", "web", { ipv4: "203.0.113.10", ipv6: "2001:db8:1:7::1" }));
    expect(lines[0]).toBe("ip netns add pantheros-s.web");
    expect(lines).toContain(
      "ip -n pantheros-s link add v-web type veth peer name eth0 netns pantheros-s.web",
    );
    expect(lines).toContain("ip -n pantheros-s.web addr add 203.0.113.10/32 dev eth0");
    expect(lines).toContain(
      "ip -n pantheros-s.web route add default via 172.31.1.1 dev eth0 src 203.0.113.10",
    );
    expect(lines).toContain("ip -n pantheros-s route add 203.0.113.10/32 dev v-web src 198.51.100.1");
    expect(lines).toContain("ip -n pantheros-s -6 route add 2001:db8:1:7::/64 dev v-web src 2001:db8::1");
    const gateway = lines.indexOf("ip -n pantheros-s.web route add 172.31.1.1 dev eth0 scope link");
    expect(gateway).toBeGreaterThan(0);
    expect(gateway).toBeLessThan(
      lines.findIndex((line) => line.includes("route add default via 172.31.1.1")),
    );
  });

  test("a family without an address is not configured", () => {
    expect(text(machineCommands("s", "web", { ipv4: "203.0.113.10" })).join("\n")).not.toContain("2001:db8");
    expect(text(machineCommands("s", "web", { ipv6: "2001:db8:1:7::1" })).join("\n")).not.toContain(
      "172.31.1.1",
    );
  });

  test("lo comes up last, which marks a complete driver namespace", () => {
    const lines = text(driverCommands("s"));
    expect(lines.at(-1)).toBe("ip -n pantheros-s link set lo up");
    expect(lines.join("\n")).not.toMatch(/default/);
  });

  test("removal names the link and the namespace", () => {
    expect(text(removeMachineCommands("s", "web"))).toEqual([
      "ip -n pantheros-s link del v-web",
      "ip netns del pantheros-s.web",
    ]);
  });

  test.each([
    ["2001:db8:1:7::1", "2001:db8:1:7::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ])("/64 of %s", (address, network) => expect(prefix64(address)).toBe(network));

  test("an invalid address has no prefix", () => expect(() => prefix64("2001:db8:1")).toThrow(/not an IPv6/));
});

describe("firewall", () => {
  const ssh: FirewallRule = { direction: "in", protocol: "tcp", port: "22", addresses: ["198.51.100.1/32"] };

  test("none attached: the table is removed", () => {
    expect(firewallScript("web", null)).toBe("table inet machine_v_web\ndelete table inet machine_v_web\n");
  });

  test("attached without rules: inbound closed, outbound open", () => {
    const script = firewallScript("web", []);
    expect(script).toMatch(/chain inbound \{[^}]*(\}[^}]*)?drop/);
    expect(script).not.toMatch(/chain outbound \{[^}]*(\}[^}]*)?drop/);
  });

  test("an outbound rule closes the rest of outbound", () => {
    const script = firewallScript("web", [
      { ...ssh, direction: "out", port: "443", addresses: ["0.0.0.0/0"] },
    ]);
    const outbound = script.slice(script.indexOf("chain outbound"));
    expect(outbound).toContain("meta nfproto ipv4 tcp dport 443 return");
    expect(outbound.slice(0, outbound.indexOf("chain output"))).toContain("drop");
  });

  test("packets to the machine are filtered whether forwarded or from the driver itself", () => {
    const script = firewallScript("web", [ssh]);
    expect(script).toMatch(/hook output .*oifname "v-web" jump inbound/);
    expect(script).toMatch(/hook forward .*oifname "v-web" jump inbound/);
    expect(script).toContain("ct state established,related return");
    expect(script).not.toMatch(/\baccept\b/);
  });

  test("one statement for each family; a family's whole range needs no address", () => {
    expect(ruleStatements({ ...ssh, addresses: ["192.0.2.0/24", "203.0.113.0/24", "::/0"] })).toEqual([
      "ip saddr { 192.0.2.0/24, 203.0.113.0/24 } tcp dport 22 return",
      "meta nfproto ipv6 tcp dport 22 return",
    ]);
  });

  test("protocols without ports, port ranges", () => {
    const icmp: FirewallRule = { direction: "in", protocol: "icmp", addresses: ["0.0.0.0/0"] };
    expect(ruleStatements(icmp)).toEqual(["meta nfproto ipv4 meta l4proto { icmp, ipv6-icmp } return"]);
    expect(ruleStatements({ ...ssh, port: "8000-8010" })[0]).toContain("tcp dport 8000-8010");
  });

  test.each([
    { ...ssh, port: "22; drop" },
    { ...ssh, addresses: ["198.51.100.1/32 accept"] },
  ])("nothing but ports and networks gets into the script: %j", (rule) => {
    expect(() => firewallScript("web", [rule])).toThrow();
  });
});
