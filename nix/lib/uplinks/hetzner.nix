# IPv4 comes by DHCP. IPv6 must be set on the machine: there is no DHCPv6 and no router advertisement,
# and the gateway is fe80::1. Source: Hetzner documentation, "Static IP configuration".
{
  match = ["en*" "eth*"];
  dhcp = "ipv4";
  addresses = [];
  gateways = [];
  nameservers = [];
  delivered = true;
}
