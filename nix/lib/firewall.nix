# Rules of nftables for the chain `input-allow`: they see new connections only; the tailnet, loopback and replies were
# accepted before (nixos/modules/services/networking/firewall-nftables.nix). Pure.
let
  inherit (builtins) concatStringsSep filter match toString;

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
  # A limit per source, and per /64 of IPv6. One limit for all would let a stranger keep the owner out.
  sshRules = {
    port,
    sources,
    public,
    perMinute,
    burst,
  }: let
    over = "limit rate over ${toString perMinute}/minute burst ${toString burst} packets";
    meter = name: key: "tcp dport ${toString port} meter ${name} size 65535 { ${key} timeout 2m ${over} } counter reject with tcp reset";
  in
    fromEach sources "tcp dport ${toString port} accept"
    ++ (
      if !public
      then []
      else [
        (meter "ssh-4" "ip saddr")
        (meter "ssh-6" "ip6 saddr & ffff:ffff:ffff:ffff::")
        "tcp dport ${toString port} accept"
      ]
    );

  # Ports that are served to a proxy's networks only; to all when it has none.
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
