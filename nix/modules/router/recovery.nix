# The router's services recover by themselves, because without them nobody can log in remotely to start them.
{
  config,
  lib,
  ...
}: let
  cfg = config.pantheros.router;
  services = config.services;
  restart = import ../../lib/restart.nix;
  unit = name: condition: lib.optional condition name;

  daemons =
    unit "kea-dhcp4-server" cfg.dhcp.enable
    ++ unit "blocky" cfg.dns.enable
    ++ unit "tailscaled" services.tailscale.enable
    ++ unit "sshd" services.openssh.enable
    ++ unit "systemd-networkd" config.systemd.network.enable
    ++ unit "systemd-timesyncd" services.timesyncd.enable
    ++ unit "nscd" services.nscd.enable
    ++ unit "alloy" services.alloy.enable
    ++ unit "netdata" services.netdata.enable
    ++ unit "fail2ban" services.fail2ban.enable
    ++ unit "avahi-daemon" services.avahi.enable
    ++ unit "auditd" config.security.auditd.enable;
  # Units that end when they have done their work, such as joining the tailnet. Without internet they fail for as long as
  # that lasts.
  tasks =
    lib.optionals services.tailscale.enable ["tailscaled-autoconnect" "tailscaled-set" "pantheros-tailnet-node"]
    ++ unit "opnix-secrets" services.onepassword-secrets.enable;

  retried = settings: {
    unitConfig = lib.mapAttrs (_: lib.mkForce) restart.unitConfig;
    serviceConfig = lib.mapAttrs (_: lib.mkForce) settings;
  };
in {
  config.systemd.services = lib.mkIf cfg.enable (
    lib.genAttrs daemons (_: retried restart.serviceConfig)
    // lib.genAttrs tasks (_:
      retried (restart.serviceConfig
        // {
          # systemd refuses `always` for units that end.
          Restart = "on-failure";
        }))
  );
}
