import { spawnSync } from "node:child_process";
import { CLOUDFLARE_RANGES } from "../../../clients/cloudflare/ranges.ts";
import { loadInventory } from "../../../inventory/load.ts";
import type { Inventory } from "../../../inventory/schema.ts";
import { evaluate } from "./nix.ts";

interface Policy {
  readonly everywhere: { readonly udp: readonly number[] };
  readonly interfaces: Readonly<
    Record<string, { readonly tcp?: readonly number[]; readonly udp?: readonly number[] }>
  >;
  readonly ssh: {
    readonly sources: readonly string[];
    readonly public: boolean;
    readonly closed: readonly string[];
  };
  readonly public: { readonly ports: readonly number[]; readonly sources: readonly string[] };
}
interface Evaluated {
  readonly policy: Policy;
  readonly table: string;
}

const evaluated = (sources: readonly string[]) =>
  evaluate(`let
    read = (import (nix + "/lib/fleet.nix")).fromFile (nix + "/fleet.toml");
    fleet = read // { deploy = read.deploy // { sources = builtins.fromJSON ${JSON.stringify(JSON.stringify(sources))}; }; };
    registry = import (nix + "/lib/registry.nix") fleet;
    firewall = import (nix + "/lib/firewall.nix");
  in builtins.mapAttrs (_: host: rec {
    policy = firewall.policy { inherit fleet registry; } host;
    table = firewall.table { inherit policy; inherit (host) sshPort; };
  }) fleet.hosts`) as Readonly<Record<string, Evaluated>>;

const inventory = loadInventory("nix/fleet.toml");
const closed = evaluated([]);
const opened = evaluated(["198.51.100.7/32", "2001:db8::/64"]);
const names = Object.keys(inventory.hosts);
const images = names.filter((name) => inventory.hosts[name]?.provider.kind === "image");
const routers = names.filter((name) => inventory.hosts[name]?.router !== undefined);

/** The host that serves a service's name by the inventory: its environment's gateway, or its own host. */
const gatewayOf = (name: string, { hosts, environments }: Inventory) => {
  const host = hosts[name];
  return (host && environments[host.environment]?.gateway) ?? name;
};

const servers = new Set(
  Object.values(inventory.services)
    .filter((service) => service.public && service.protocol === "http")
    .map(({ host }) => gatewayOf(host, inventory)),
);
const direct = new Set(
  Object.values(inventory.services)
    .filter((service) => service.public && service.protocol === "http" && service.proxied === false)
    .map(({ host }) => gatewayOf(host, inventory)),
);
const cache = inventory.cache.host;
if (cache !== undefined) {
  servers.add(cache);
  direct.add(cache);
}

test("only the inventory's ports are open to the internet: public names on the host that serves them, and the tailnet", () => {
  expect(servers.size).toBeGreaterThan(1);
  for (const name of names) {
    const { policy } = closed[name] ?? {};
    expect([name, policy?.public]).toEqual([
      name,
      {
        ports: servers.has(name) ? [80, 443] : [],
        sources: servers.has(name) && !direct.has(name) ? [...CLOUDFLARE_RANGES] : [],
      },
    ]);
    expect([name, policy?.everywhere]).toEqual([name, { udp: images.includes(name) ? [] : [41641] }]);
  }
});

test("without sources only images accept SSH from outside the tailnet", () => {
  for (const name of names) {
    const ssh = closed[name]?.policy.ssh;
    expect([name, ssh?.public, ssh?.sources]).toEqual([name, images.includes(name), []]);
    expect([name, /dport 22 accept/.test(closed[name]?.table ?? "")]).toEqual([name, images.includes(name)]);
  }
});

test("with sources only those reach SSH, and never on a router's interface to the internet", () => {
  expect(routers.length).toBeGreaterThan(0);
  for (const name of names.filter((host) => !images.includes(host))) {
    const wan = inventory.hosts[name]?.router?.wan;
    const rules = (opened[name]?.table ?? "").split("\n").filter((line) => line.includes("dport 22 "));
    const elsewhere = wan === undefined ? "" : `iifname != { "${wan}" } `;
    expect([name, rules.map((line) => line.trim())]).toEqual([
      name,
      [
        `${elsewhere}ip saddr { 198.51.100.7/32 } tcp dport 22 accept`,
        `${elsewhere}ip6 saddr { 2001:db8::/64 } tcp dport 22 accept`,
      ],
    ]);
  }
});

test("a router's local network reaches DNS and DHCP; other ports are open only on the tailnet's interface", () => {
  for (const name of names) {
    const router = inventory.hosts[name]?.router;
    const { tailscale0, ...local } = closed[name]?.policy.interfaces ?? {};
    expect([name, local]).toEqual([
      name,
      router === undefined
        ? {}
        : {
            [router.lan.interface]: {
              tcp: [53],
              udp: [53, ...(router.dhcp === undefined ? [] : [67]), 5353],
            },
          },
    ]);
    const ports = Object.values(inventory.services)
      .filter(({ host }) => host === name)
      .map(({ port }) => port);
    for (const port of tailscale0?.tcp ?? [])
      expect([name, ports]).toEqual([name, expect.arrayContaining([port])]);
  }
});

const nft = ["/usr/sbin/nft", "/sbin/nft", "nft"].find(
  (program) => spawnSync(program, ["--version"]).status === 0,
);
(nft !== undefined && process.getuid?.() === 0 ? test : test.skip)(
  "nftables takes every host's table, and refuses a planted error",
  () => {
    const check = (text: string) =>
      spawnSync(nft ?? "nft", ["--check", "--file", "-"], { input: text, encoding: "utf8" });
    for (const name of names) {
      for (const { [name]: host } of [closed, opened]) {
        expect([name, check(host?.table ?? "").stderr]).toEqual([name, ""]);
      }
    }
    const planted = check((opened["cloud"]?.table ?? "").replace("tcp dport", "tcp dpart"));
    expect(planted.status).not.toBe(0);
  },
);

/** Connects from each source to each port in parallel: the kernel refuses an open port, because nothing listens. */
const KNOCK = `
const net = require("node:net");
const knock = ({ host, interface: name, from, to, port }) => new Promise((resolve) => {
  const socket = net.connect({ host: to, port, localAddress: from });
  const end = (open) => { socket.destroy(); resolve({ host, interface: name, from, port, open }); };
  const timer = setTimeout(() => end(false), 5000);
  socket.once("error", (error) => { clearTimeout(timer); end(error.code === "ECONNREFUSED"); });
});
Promise.all(JSON.parse(process.env.KNOCKS).map(knock)).then((all) => console.log(JSON.stringify(all)));
`;

interface Knock {
  readonly host: string;
  readonly interface: string;
  readonly from: string;
  readonly to: string;
  readonly port: number;
}

const mayBuild = nft !== undefined && process.getuid?.() === 0 && spawnSync("ip", ["-V"]).status === 0;
(mayBuild ? test : test.skip)(
  "knocked at from outside, each host answers where the inventory says, and nowhere else",
  () => {
    const stranger = "203.0.113.66";
    const proxy = "173.245.48.9";
    const runner = "198.51.100.7";
    const ports = [22, 53, 80, 443, 4000, 8080, 9091];
    const machines = names.filter((name) => !images.includes(name));
    const knocks: Knock[] = [];
    const script = ["set -eu", "mount -t tmpfs tmpfs /run", "ip link set lo up"];
    for (const address of [stranger, proxy, runner]) script.push(`ip addr add ${address}/32 dev lo`);
    for (const [index, name] of machines.entries()) {
      const router = inventory.hosts[name]?.router;
      const outside = router?.wan ?? "eth0";
      const interfaces = [outside, ...(router === undefined ? [] : [router.lan.interface]), "tailscale0"];
      script.push(`ip netns add h${index}`, `ip -n h${index} link set lo up`);
      for (const [at, device] of interfaces.entries()) {
        const [near, far] = [`10.${index}.${at}.1`, `10.${index}.${at}.2`];
        script.push(
          `ip link add v${index}-${at} type veth peer name ${device} netns h${index}`,
          `ip addr add ${near}/30 dev v${index}-${at}`,
          `ip link set v${index}-${at} up`,
          `ip -n h${index} addr add ${far}/30 dev ${device}`,
          `ip -n h${index} link set ${device} up`,
        );
        const sources = device === outside ? [stranger, proxy, runner] : [near];
        for (const from of sources)
          for (const port of ports) knocks.push({ host: name, interface: device, from, to: far, port });
      }
      script.push(
        `ip -n h${index} route add default via 10.${index}.0.1`,
        `ip netns exec h${index} ${nft} -f - <<'END'\n${opened[name]?.table ?? ""}\nEND`,
      );
    }
    script.push('exec "$NODE" -e "$KNOCK"');
    const { status, stdout, stderr } = spawnSync(
      "unshare",
      ["--net", "--mount", "sh", "-c", script.join("\n")],
      {
        encoding: "utf8",
        env: { ...process.env, NODE: process.execPath, KNOCK, KNOCKS: JSON.stringify(knocks) },
        timeout: 60_000,
      },
    );
    expect([status, stderr]).toEqual([0, ""]);
    const open = (JSON.parse(stdout) as (Knock & { readonly open: boolean })[]).filter((entry) => entry.open);
    const answers = (host: string, device: string, from?: string) =>
      open
        .filter(
          (entry) => entry.host === host && entry.interface === device && (from ?? entry.from) === entry.from,
        )
        .map(({ port }) => port)
        .toSorted((a, b) => a - b);
    for (const name of machines) {
      const router = inventory.hosts[name]?.router;
      const served = servers.has(name) ? [80, 443] : [];
      const outside = router?.wan ?? "eth0";
      expect([name, answers(name, outside, stranger)]).toEqual([name, direct.has(name) ? served : []]);
      expect([name, answers(name, outside, proxy)]).toEqual([name, served]);
      expect([name, answers(name, outside, runner)]).toEqual([
        name,
        [...(router === undefined ? [22] : []), ...(direct.has(name) ? served : [])],
      ]);
      if (router !== undefined) expect([name, answers(name, router.lan.interface)]).toEqual([name, [53]]);
      expect([name, answers(name, "tailscale0")]).toEqual([name, ports]);
    }
  },
  90_000,
);
