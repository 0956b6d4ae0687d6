# Programs and variables that every session has.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros.environment;
in {
  options.pantheros.environment = {
    editor = mkOption {
      type = types.enum ["nvim" "vim" "hx" "zeditor --wait"];
      default = "vim";
      description = "What programs call to have a text edited.";
    };
    packages = mkOption {
      type = types.listOf types.package;
      default = [];
      description = "Programs of the host's profiles.";
    };
    workspace = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "/home/hbohlen/dev";
      description = "Where projects are worked on; `DEV_DIR` of every session.";
    };
  };

  config.environment = {
    variables =
      {EDITOR = lib.mkOverride 900 cfg.editor;}
      // lib.optionalAttrs (cfg.workspace != null) {DEV_DIR = cfg.workspace;};
    # Terminals that we connect from: their description only, not the programs.
    systemPackages = [pkgs.git pkgs.vim pkgs.curl pkgs.ghostty.terminfo] ++ cfg.packages;
  };
}
