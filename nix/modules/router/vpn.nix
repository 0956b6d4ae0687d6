# The tailnet reaches the local network and the internet through this router.
{
  config,
  lib,
  ...
}: let
  cfg = config.pantheros.router;
in {
  options.pantheros.router.vpn.enable = lib.mkOption {
    type = lib.types.bool;
    default = true;
    description = "Offer the local network and the internet to the tailnet.";
  };

  config = lib.mkIf (cfg.enable && cfg.vpn.enable) {
    services.tailscale-pantheros = {
      hostType = "server";
      exitNode = lib.mkDefault true;
      advertiseRoutes = [cfg.lan.network];
    };
    # Forwarded packets are filtered too: a trusted tailnet interface opens only the router itself.
    networking.firewall.extraForwardRules = ''
      iifname "tailscale0" oifname { "${cfg.lan.interface}", "${cfg.wan}" } accept comment "from the tailnet"
    '';
  };
}
