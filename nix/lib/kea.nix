# Configuration of Kea's DHCPv4 server. Pure; `services.kea.dhcp4.settings` of a router.
{
  dhcp,
  lan,
}: {
  interfaces-config = {
    interfaces = [lan.interface];
    # Kea cannot open the socket without a carrier, and exits after its retries. These numbers make it retry
    # every second for years, because a cable may be missing for long.
    service-sockets-max-retries = 100000000;
    service-sockets-retry-wait-time = 1000;
  };
  lease-database = {
    type = "memfile";
    persist = true;
    name = "/var/lib/kea/dhcp4.leases";
  };
  valid-lifetime = dhcp.leaseSeconds;
  subnet4 = [
    {
      id = 1;
      subnet = lan.network;
      pools = [{pool = "${dhcp.from} - ${dhcp.to}";}];
      option-data = [
        {
          name = "routers";
          data = lan.address;
        }
        {
          name = "domain-name-servers";
          data = lan.address;
        }
      ];
      reservations =
        map (machine: {
          hw-address = machine.mac;
          ip-address = machine.address;
        })
        dhcp.reservations;
    }
  ];
}
