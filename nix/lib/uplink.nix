# The internet-facing interface of a rented machine, as configuration of systemd-networkd. Pure.
let
  inherit (builtins) any filter match;
  isIpv4 = address: match ".*:.*" address == null;
in {
  # The file in which the program leaves the machine's IPv6 address at its installation: ADDRESS/PREFIX.
  addressFile = "/var/lib/pantheros/secrets/uplink-address";

  # host, from lib/fleet.nix -> null, or {match, dhcp, addresses, gateways, nameservers, delivered}.
  uplinkOf = host: let
    given = host.provider.network or null;
    # What all machines of a provider have.
    own = ./uplinks + "/${host.provider.kind}.nix";
  in
    if builtins.pathExists own
    then import own
    else if given == null
    then null
    else {
      match =
        if given ? interface
        then [given.interface]
        else ["en*" "eth*"];
      # A static IPv4 address replaces DHCP.
      dhcp =
        if any isIpv4 given.addresses
        then "no"
        else "ipv4";
      inherit (given) addresses;
      gateways = given.gateways or [];
      nameservers = given.nameservers or [];
      delivered = false;
    };

  # uplink -> an entry of systemd.network.networks.
  networkOf = uplink: let
    static6 = uplink.delivered || filter (address: !isIpv4 address) uplink.addresses != [];
  in {
    matchConfig.Name = uplink.match;
    networkConfig = {
      DHCP = uplink.dhcp;
      IPv6AcceptRA = !static6;
    };
    address = uplink.addresses;
    # A rented machine's gateway is outside its own network.
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
