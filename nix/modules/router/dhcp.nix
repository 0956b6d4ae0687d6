# Addresses for the local network.
{
  config,
  lib,
  ...
}: let
  cfg = config.pantheros.router;
in {
  config = lib.mkIf (cfg.enable && cfg.dhcp.enable) {
    services.kea.dhcp4 = {
      enable = true;
      settings = {
        interfaces-config = {
          interfaces = [cfg.lan.interface];
          # The interface may come up later.
          service-sockets-max-retries = 60;
          service-sockets-retry-wait-time = 1000;
        };
        lease-database = {
          type = "memfile";
          persist = true;
          name = "/var/lib/kea/dhcp4.leases";
        };
        valid-lifetime = cfg.dhcp.leaseSeconds;
        subnet4 = [
          {
            id = 1;
            subnet = cfg.lan.network;
            pools = [{pool = "${cfg.dhcp.from} - ${cfg.dhcp.to}";}];
            option-data = [
              {
                name = "routers";
                data = cfg.lan.address;
              }
              {
                name = "domain-name-servers";
                data = cfg.lan.address;
              }
            ];
            reservations =
              map (machine: {
                hw-address = machine.mac;
                ip-address = machine.address;
              })
              cfg.dhcp.reservations;
          }
        ];
      };
    };
  };
}
