# A machine for software development. The options in planned/ (languages, editors, assistants) are not
# implemented yet.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkDefault;
  cfg = config.pantheros.development;
in {
  options.pantheros.development.enable = lib.mkEnableOption "tools for software development";

  config = lib.mkIf cfg.enable {
    programs.direnv.enable = mkDefault true;
    programs.git = {
      enable = mkDefault true;
      lfs.enable = mkDefault true;
    };
    pantheros.podman.enable = mkDefault true;
    pantheros.environment.packages = [pkgs.fzf pkgs.eza pkgs.ripgrep pkgs.fd pkgs.bat pkgs.tmux];
  };
}
