# DHCP for the local network.
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
      settings = import ../../lib/kea.nix {inherit (cfg) dhcp lan;};
    };
  };
}
