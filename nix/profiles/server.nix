# A machine nobody sits at.
{
  lib,
  pkgs,
  ...
}: {
  environment.systemPackages = [pkgs.git pkgs.vim pkgs.curl pkgs.htop];

  documentation = {
    enable = lib.mkDefault false;
    nixos.enable = lib.mkDefault false;
  };
  fonts.fontconfig.enable = lib.mkDefault false;
  xdg = {
    autostart.enable = lib.mkDefault false;
    icons.enable = lib.mkDefault false;
    menus.enable = lib.mkDefault false;
    mime.enable = lib.mkDefault false;
    sounds.enable = lib.mkDefault false;
  };

  # An emergency shell waits for a keyboard that isn't there.
  systemd.enableEmergencyMode = lib.mkDefault false;
  systemd.targets = {
    sleep.enable = lib.mkDefault false;
    suspend.enable = lib.mkDefault false;
    hibernate.enable = lib.mkDefault false;
    hybrid-sleep.enable = lib.mkDefault false;
  };
}
