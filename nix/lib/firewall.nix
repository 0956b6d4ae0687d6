# What a host accepts from the network: `policy` derives it from the inventory, and modules read it. The rest are
# nftables rules for the chain `input-allow`, which sees only new connections, after the tailnet, loopback and replies
# were accepted (nixos/modules/services/networking/firewall-nftables.nix). Pure.
let
  inherit (builtins) attrNames concatLists concatStringsSep filter match toJSON toString;

  isV6 = network: match ".*:.*" network != null;
  list = items: "{ ${concatStringsSep ", " items} }";
  lines = entries: concatStringsSep "\n" entries;

  fromEach = networks: rule: let
    v4 = filter (network: !isV6 network) networks;
    v6 = filter isV6 networks;
  in
    (
      if v4 == []
      then []
      else ["ip saddr ${list v4} ${rule}"]
    )
    ++ (
      if v6 == []
      then []
      else ["ip6 saddr ${list v6} ${rule}"]
    );
in rec {
  # Ports by where they are open. `everywhere` and `interfaces` are open to every source on the interface; SSH and
  # public ports have rules of their own. A router's `wan` has only the ports of its public names and of the tailnet.
  policy = {
    fleet,
    registry,
  }: host: let
    own = registry.hosts.${host.name}.firewall;
    image = host.provider.kind == "image";
    router = host.router or null;
  in {
    everywhere.udp =
      if image
      then []
      else [fleet.ports.tailscale];
    interfaces =
      {tailscale0.tcp = own.tailnet;}
      // (
        if router == null
        then {}
        else {
          ${router.lan.interface} = {
            # DNS, DHCP and multicast DNS of the local network.
            tcp = [53];
            udp =
              [53]
              ++ (
                if router.dhcp.enable
                then [67]
                else []
              )
              ++ [5353];
          };
        }
      );
    ssh = {
      sources = fleet.deploy.sources ++ host.sshSources;
      # An image (an installer, a machine to try modules on) is not a host of the fleet yet and must be reachable.
      public = image;
      closed =
        if router == null
        then []
        else [router.wan];
    };
    public = {
      ports = own.public;
      sources =
        if own.cloudflareOnly
        then import ./cloudflare-ranges.nix
        else [];
    };
  };

  # The whole table that NixOS makes from a policy, for tests; on a host, NixOS' own module writes it.
  # Source: nixos/modules/services/networking/firewall-nftables.nix.
  table = {
    policy,
    sshPort,
  }: let
    accept = protocol: ports: interface:
      if ports == []
      then []
      else ["${interface}${protocol} dport ${list (map toString ports)} accept"];
    on = name: "iifname ${toJSON name} ";
    perInterface = name:
      accept "tcp" (policy.interfaces.${name}.tcp or []) (on name)
      ++ accept "udp" (policy.interfaces.${name}.udp or []) (on name);
    rules =
      accept "udp" policy.everywhere.udp ""
      ++ concatLists (map perInterface (attrNames policy.interfaces))
      ++ [
        "icmp type echo-request accept"
        "icmpv6 type != { nd-redirect, 139 } accept"
        "ip6 daddr fe80::/64 udp dport 546 accept"
        (inputRules {
          ssh =
            policy.ssh
            // {
              port = sshPort;
              perMinute = 3;
              burst = 3;
            };
          publicPorts = policy.public.ports;
          publicSources = policy.public.sources;
        })
      ];
  in ''
    table inet nixos-fw {
      chain input {
        type filter hook input priority filter; policy drop;
        iifname { "lo", "tailscale0" } accept
        ct state vmap { invalid : drop, established : accept, related : accept, new : jump input-allow, untracked : jump input-allow }
      }
      chain input-allow {
        ${lines rules}
      }
    }
  '';

  # A limit per source address, and per /64 of IPv6: with a single limit, an attacker would lock out the
  # owner. No source reaches SSH on an interface in `closed`.
  sshRules = {
    port,
    sources,
    public,
    closed ? [],
    perMinute,
    burst,
  }: let
    elsewhere =
      if closed == []
      then ""
      else "iifname != ${list (map toJSON closed)} ";
    over = "limit rate over ${toString perMinute}/minute burst ${toString burst} packets";
    meter = name: key: "${elsewhere}tcp dport ${toString port} meter ${name} size 65535 { ${key} timeout 2m ${over} } counter reject with tcp reset";
  in
    map (rule: "${elsewhere}${rule}") (fromEach sources "tcp dport ${toString port} accept")
    ++ (
      if !public
      then []
      else [
        (meter "ssh-4" "ip saddr")
        (meter "ssh-6" "ip6 saddr & ffff:ffff:ffff:ffff::")
        "${elsewhere}tcp dport ${toString port} accept"
      ]
    );

  # Ports that are open only to a proxy's networks; to every source without a proxy.
  publicRules = ports: sources:
    if ports == []
    then []
    else let
      rule = "tcp dport ${list (map toString ports)} accept";
    in
      if sources == []
      then [rule]
      else fromEach sources rule;

  inputRules = {
    ssh,
    publicPorts,
    publicSources,
  }:
    lines (sshRules ssh ++ publicRules publicPorts publicSources);
}
