# A machine somebody sits at.
{
  lib,
  pkgs,
  ...
}: {
  time.timeZone = lib.mkOverride 900 "America/New_York";

  networking.networkmanager.enable = lib.mkDefault true;
  security.rtkit.enable = lib.mkDefault true;
  services.pipewire = {
    enable = lib.mkDefault true;
    alsa.enable = lib.mkDefault true;
    pulse.enable = lib.mkDefault true;
  };
  programs.niri.enable = lib.mkDefault true;
  programs.fish.enable = lib.mkDefault true;

  environment.systemPackages = [pkgs.git pkgs.vim pkgs.curl pkgs.wget pkgs.ghostty];
}
