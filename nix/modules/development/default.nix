# A machine software is written on. Languages, editors and assistants are yet to come: their options are in planned/.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkDefault;
  cfg = config.pantheros.development;
in {
  options.pantheros.development.enable = lib.mkEnableOption "tools to write software with";

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
