# What a router is told: its two sides, and how much goes through.
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
      description = "Interface of the internet; it gets its address from there.";
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
        description = "Give out addresses.";
      };
      from = mkOption {
        type = address;
        example = "192.0.2.100";
        description = "First address that is given out.";
      };
      to = mkOption {
        type = address;
        example = "192.0.2.199";
        description = "Last address that is given out.";
      };
      leaseSeconds = mkOption {
        type = types.ints.positive;
        default = 43200;
        description = "How long an address is lent.";
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
              description = "The address it always gets.";
            };
          };
        });
        default = [];
        description = "Machines that always get the same address.";
      };
    };
    shaping = {
      downMbit = mkOption {
        type = types.nullOr types.ints.positive;
        default = null;
        description = "Download rate, a little below what the line does, so that queues form here; null: not shaped.";
      };
      upMbit = mkOption {
        type = types.nullOr types.ints.positive;
        default = null;
        description = "Upload rate, likewise.";
      };
    };
  };

  config.assertions = lib.mkIf cfg.enable [
    {
      assertion = cfg.wan != cfg.lan.interface;
      message = "pantheros.router: wan and lan are one interface (${cfg.wan})";
    }
  ];
}
