# A machine for software development. Editors are Home Manager's (home/).
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkDefault;
  cfg = config.pantheros.development;
in {
  imports = [
    ./assistants.nix
    ./containers.nix
    ./hooks.nix
    ./languages.nix
    ./services.nix
  ];

  options.pantheros.development.enable = lib.mkEnableOption "tools for software development";

  config = lib.mkIf cfg.enable {
    programs.direnv.enable = mkDefault true;
    programs.git = {
      enable = mkDefault true;
      lfs.enable = mkDefault true;
    };
    pantheros.environment.packages = [pkgs.fzf pkgs.eza pkgs.ripgrep pkgs.fd pkgs.bat pkgs.tmux];
  };
}
