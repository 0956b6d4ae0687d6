# Options of a router: its two interfaces, addresses and rates.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros.router;
  address = types.strMatching "[0-9]+(\\.[0-9]+){3}";
in {
  options.pantheros.router = {
    enable = lib.mkEnableOption "routing between a local network and the internet";
    wan = mkOption {
      type = types.str;
      example = "enp1s0";
      description = "Interface to the internet, which gets its address by DHCP.";
    };
    lan = {
      interface = mkOption {
        type = types.str;
        example = "enp2s0";
        description = "Interface of the local network.";
      };
      address = mkOption {
        type = address;
        example = "192.0.2.1";
        description = "The router's address in the local network.";
      };
      prefixLength = mkOption {
        type = types.ints.between 8 30;
        default = (import ../../lib/defaults.nix)."hosts.router.lan".prefix_length;
        description = "Length of the local network's prefix.";
      };
      network = mkOption {
        type = types.str;
        example = "192.0.2.0/24";
        description = "The local network.";
      };
    };
    dhcp = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Assign addresses by DHCP.";
      };
      from = mkOption {
        type = address;
        example = "192.0.2.100";
        description = "First address that DHCP assigns.";
      };
      to = mkOption {
        type = address;
        example = "192.0.2.199";
        description = "Last address that DHCP assigns.";
      };
      leaseSeconds = mkOption {
        type = types.ints.positive;
        default = 43200;
        description = "Duration of a lease.";
      };
      reservations = mkOption {
        type = types.listOf (types.submodule {
          options = {
            mac = mkOption {
              type = types.strMatching "[0-9a-f]{2}(:[0-9a-f]{2}){5}";
              description = "Hardware address.";
            };
            address = mkOption {
              type = address;
              description = "The address that is reserved for it.";
            };
          };
        });
        default = [];
        description = "Address reservations.";
      };
    };
    shaping = {
      downMbit = mkOption {
        type = types.nullOr types.ints.positive;
        default = null;
        description = "Download rate, a little below the connection's own, so that queues build up here; null: not shaped.";
      };
      upMbit = mkOption {
        type = types.nullOr types.ints.positive;
        default = null;
        description = "Upload rate; as the download rate.";
      };
    };
  };

  config.assertions = lib.mkIf cfg.enable [
    {
      assertion = cfg.wan != cfg.lan.interface;
      message = "pantheros.router: wan and lan are the same interface (${cfg.wan}); set two in [hosts.NAME.router] of fleet.toml";
    }
  ];
}
