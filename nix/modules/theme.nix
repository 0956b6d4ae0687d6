# One look for terminal, editor, desktop and boot: lib/theme.nix has the colours, other modules read `palette`.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkDefault mkOption types;
  cfg = config.pantheros.theme;
  themes = import ../lib/theme.nix;
in {
  options.pantheros.theme = {
    enable = mkOption {
      type = types.bool;
      default = config.pantheros.desktop.enable;
      defaultText = lib.literalMD "as `pantheros.desktop.enable`";
      description = "Whether the console and the boot have the theme's colours.";
    };
    variant = mkOption {
      type = types.enum (lib.attrNames themes);
      default = "dark";
      description = "Light or dark.";
    };
    monospace = mkOption {
      type = types.singleLineStr;
      default = "JetBrainsMono Nerd Font";
      description = "Font of terminals and editors.";
    };
    palette = mkOption {
      type = types.attrsOf types.anything;
      readOnly = true;
      default = themes.${cfg.variant};
      defaultText = lib.literalMD "the colours of the variant, from `nix/lib/theme.nix`";
      description = "Colours of the theme, and its names in programs that ship it.";
    };
  };

  config = lib.mkIf cfg.enable {
    console = {
      # Before the disk's passphrase is asked for.
      earlySetup = mkDefault true;
      colors = mkDefault (map (lib.removePrefix "#") cfg.palette.terminal);
    };
  };
}
