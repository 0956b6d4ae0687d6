# A machine without an operator at its console.
{
  host,
  lib,
  pkgs,
  ...
}: let
  deployed = lib.mkIf (host.provider.kind != "image") (lib.mkDefault true);
in {
  pantheros = {
    environment.packages = [pkgs.htop];
    fail2ban.enable = deployed;
    audit.enable = deployed;
    podman.enable = deployed;
    boot.unattended = lib.mkDefault true;
    # Other architectures have no BIOS.
    boot.loader = lib.mkDefault (
      if host.system == "x86_64-linux"
      then "grub-hybrid"
      else "systemd-boot"
    );
  };

  documentation.enable = lib.mkDefault false;
  fonts.fontconfig.enable = lib.mkDefault false;
  xdg = {
    autostart.enable = lib.mkDefault false;
    icons.enable = lib.mkDefault false;
    menus.enable = lib.mkDefault false;
    mime.enable = lib.mkDefault false;
    sounds.enable = lib.mkDefault false;
  };

  systemd = {
    # An emergency shell would wait for a keyboard, and there is none.
    enableEmergencyMode = lib.mkDefault false;
    targets = {
      sleep.enable = lib.mkDefault false;
      suspend.enable = lib.mkDefault false;
      hibernate.enable = lib.mkDefault false;
      hybrid-sleep.enable = lib.mkDefault false;
    };
    # A deploy comes over the network, so networkd must not be stopped and started.
    services = {
      systemd-networkd.stopIfChanged = lib.mkDefault false;
      systemd-resolved.stopIfChanged = lib.mkDefault false;
    };
  };
}
