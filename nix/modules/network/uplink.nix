# The uplink of a rented machine, with the addresses that the vendor does not assign by DHCP.
{
  config,
  host,
  lib,
  pkgs,
  ...
}: let
  cfg = config.pantheros.uplink;
  own = import ../../lib/uplink.nix;
  directory = "/run/systemd/network/10-uplink.network.d";
  program = pkgs.writeShellScript "pantheros-uplink" ''
    PATH=${lib.makeBinPath [pkgs.coreutils pkgs.systemd]}
    export PATH
    . ${./uplink.sh}
  '';
in {
  options.pantheros.uplink = lib.mkOption {
    type = lib.types.nullOr lib.types.raw;
    default = own.uplinkOf host;
    defaultText = lib.literalMD "IPv4 by DHCP and the delivered IPv6 address at Hetzner, `provider.network` of the inventory elsewhere; null: left to NixOS";
    description = "How the uplink gets its addresses (`nix/lib/uplink.nix`); null: this module does not configure it.";
  };

  config = lib.mkIf (cfg != null) {
    networking = {
      useNetworkd = true;
      useDHCP = false;
    };
    systemd = {
      network.networks."10-uplink" = own.networkOf cfg;
      services.pantheros-uplink = lib.mkIf cfg.delivered {
        description = "IPv6 address of the uplink";
        wantedBy = ["systemd-networkd.service"];
        before = ["systemd-networkd.service"];
        unitConfig = {
          # With default dependencies it would start later than systemd-networkd.
          DefaultDependencies = false;
          RequiresMountsFor = dirOf own.addressFile;
        };
        serviceConfig = {
          Type = "oneshot";
          ExecStart = "${program} ${own.addressFile} ${directory}";
        };
      };
      paths.pantheros-uplink = lib.mkIf cfg.delivered {
        wantedBy = ["multi-user.target"];
        pathConfig.PathChanged = own.addressFile;
      };
    };
  };
}
