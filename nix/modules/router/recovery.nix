# The router's services recover by themselves, because without them nobody can log in remotely to start them.
{
  config,
  lib,
  ...
}: let
  cfg = config.pantheros.router;
  restart = import ../../lib/restart.nix;
  units =
    lib.optional cfg.dhcp.enable "kea-dhcp4-server"
    ++ lib.optional cfg.dns.enable "blocky"
    ++ lib.optional config.services.tailscale.enable "tailscaled";
in {
  config.systemd.services = lib.mkIf cfg.enable (lib.genAttrs units (_: {
    startLimitIntervalSec = lib.mkForce restart.unitConfig.StartLimitIntervalSec;
    serviceConfig = lib.mapAttrs (_: lib.mkForce) restart.serviceConfig;
  }));
}
