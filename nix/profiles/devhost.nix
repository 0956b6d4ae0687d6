# A machine software is written on.
{
  lib,
  pkgs,
  ...
}: {
  programs.direnv.enable = lib.mkDefault true;
  programs.git.enable = lib.mkDefault true;
  virtualisation.podman = {
    enable = lib.mkDefault true;
    dockerCompat = lib.mkDefault true;
    defaultNetwork.settings.dns_enabled = lib.mkDefault true;
  };

  environment.systemPackages = [pkgs.fzf pkgs.eza pkgs.ripgrep pkgs.fd pkgs.bat pkgs.tmux];
}
