# The router's two interfaces, and the translation between them.
{
  config,
  lib,
  ...
}: let
  cfg = config.pantheros.router;
in {
  config = lib.mkIf cfg.enable {
    networking = {
      useNetworkd = true;
      useDHCP = false;
      nat = {
        enable = true;
        externalInterface = cfg.wan;
        internalInterfaces = [cfg.lan.interface];
      };
      firewall = {
        filterForward = true;
        # Podman's own table accepts these packets, but this table would drop them, and one drop is final.
        # Replies need no rule of their own; connections from outside to a container stay closed.
        extraForwardRules = lib.mkIf config.virtualisation.podman.enable ''
          iifname "podman*" oifname "${cfg.wan}" accept comment "from containers"
        '';
      };
    };
    # `nat` forwards only what it translates, which is IPv4; the provider's IPv6 prefix is routed unchanged.
    boot.kernel.sysctl."net.ipv6.conf.all.forwarding" = lib.mkDefault true;

    systemd.network = {
      networks = {
        "10-wan" = {
          matchConfig.Name = cfg.wan;
          networkConfig = {
            DHCP = "yes";
            IPv6AcceptRA = true;
          };
          # Use our own resolver instead of the provider's.
          dhcpV4Config.UseDNS = false;
          dhcpV6Config.UseDNS = false;
          linkConfig.RequiredForOnline = "routable";
        };
        "20-lan" = {
          matchConfig.Name = cfg.lan.interface;
          address = ["${cfg.lan.address}/${toString cfg.lan.prefixLength}"];
          networkConfig = {
            ConfigureWithoutCarrier = true;
            DHCPPrefixDelegation = true;
            IPv6SendRA = true;
          };
          linkConfig.RequiredForOnline = "no";
        };
      };
      wait-online.anyInterface = true;
    };
  };
}
