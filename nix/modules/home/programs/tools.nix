# Tools of the command line.
{
  lib,
  theme,
  ...
}: let
  inherit (lib) mkDefault;
  inherit (theme) palette;
in {
  programs = {
    bat = {
      enable = mkDefault true;
      config.theme = mkDefault palette.names.bat;
    };
    direnv = {
      enable = mkDefault true;
      nix-direnv.enable = mkDefault true;
    };
    eza = {
      enable = mkDefault true;
      git = mkDefault true;
    };
    fd.enable = mkDefault true;
    fzf = {
      enable = mkDefault true;
      colors = {
        bg = mkDefault palette.background;
        fg = mkDefault palette.foreground;
        hl = mkDefault palette.accent;
      };
    };
    ripgrep.enable = mkDefault true;
  };
}
