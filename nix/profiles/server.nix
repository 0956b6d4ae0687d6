# A machine nobody sits at.
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
    # No BIOS on the other architecture.
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
    # An emergency shell waits for a keyboard that isn't there.
    enableEmergencyMode = lib.mkDefault false;
    targets = {
      sleep.enable = lib.mkDefault false;
      suspend.enable = lib.mkDefault false;
      hibernate.enable = lib.mkDefault false;
      hybrid-sleep.enable = lib.mkDefault false;
    };
    # A deploy comes through the network; it must not be gone between two units.
    services = {
      systemd-networkd.stopIfChanged = lib.mkDefault false;
      systemd-resolved.stopIfChanged = lib.mkDefault false;
    };
  };
}
