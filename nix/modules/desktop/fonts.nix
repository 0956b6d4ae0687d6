# Fonts of the session; the terminal's is pantheros.theme.monospace.
{
  config,
  lib,
  pkgs,
  ...
}: {
  config = lib.mkIf config.pantheros.desktop.enable {
    fonts = {
      enableDefaultPackages = lib.mkDefault true;
      packages = [pkgs.inter pkgs.nerd-fonts.jetbrains-mono pkgs.noto-fonts pkgs.noto-fonts-cjk-sans pkgs.noto-fonts-color-emoji];
      fontconfig.defaultFonts = {
        monospace = lib.mkDefault [config.pantheros.theme.monospace];
        sansSerif = lib.mkDefault ["Inter" "Noto Sans"];
        emoji = lib.mkDefault ["Noto Color Emoji"];
      };
    };
  };
}
