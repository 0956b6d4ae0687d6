# The side of a rented machine that faces the internet, as systemd-networkd is told. Pure.
let
  inherit (builtins) any filter match;
  isIpv4 = address: match ".*:.*" address == null;
in {
  # Where the program leaves what only it knows, when it installs a machine: ADDRESS/PREFIX.
  addressFile = "/var/lib/pantheros/secrets/uplink-address";

  # host, as lib/fleet.nix gives it -> null, or {match, dhcp, addresses, gateways, nameservers, delivered}.
  uplinkOf = host: let
    given = host.provider.network or null;
  in
    if host.provider.kind == "hetzner"
    then {
      # Hetzner gives IPv4 by DHCP and IPv6 to nobody who does not set it: there is no DHCPv6 and no router advertisement; the
      # gateway is fe80::1 (Hetzner, "Static IP configuration").
      match = ["en*" "eth*"];
      dhcp = "ipv4";
      addresses = [];
      gateways = [];
      nameservers = [];
      delivered = true;
    }
    else if given == null
    then null
    else {
      match =
        if given ? interface
        then [given.interface]
        else ["en*" "eth*"];
      # A static address of IPv4 takes the place of DHCP's.
      dhcp =
        if any isIpv4 given.addresses
        then "no"
        else "ipv4";
      inherit (given) addresses;
      gateways = given.gateways or [];
      nameservers = given.nameservers or [];
      delivered = false;
    };

  # -> a network of systemd.network.networks.
  networkOf = uplink: let
    static6 = uplink.delivered || filter (address: !isIpv4 address) uplink.addresses != [];
  in {
    matchConfig.Name = uplink.match;
    networkConfig = {
      DHCP = uplink.dhcp;
      IPv6AcceptRA = !static6;
    };
    address = uplink.addresses;
    # Rented machines reach their gateway outside of their own network.
    routes =
      map (gateway: {
        Gateway = gateway;
        GatewayOnLink = true;
      })
      uplink.gateways;
    dns = uplink.nameservers;
    linkConfig.RequiredForOnline = "routable";
  };
}
