# The way home from outside: the tailnet reaches the local network, and the internet, through here.
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
    # What is forwarded is filtered too: that the tailnet's interface is trusted opens the router itself, not the way through it.
    networking.firewall.extraForwardRules = ''
      iifname "tailscale0" oifname { "${cfg.lan.interface}", "${cfg.wan}" } accept comment "from the tailnet"
    '';
  };
}
