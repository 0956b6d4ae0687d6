# Programs and variables of every session.
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
      description = "Editor that programs start (`EDITOR`).";
    };
    packages = mkOption {
      type = types.listOf types.package;
      default = [];
      description = "Programs that the host's profiles add.";
    };
    workspace = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "/home/hbohlen/dev";
      description = "Directory of projects; `DEV_DIR` of every session.";
    };
  };

  config.environment = {
    variables =
      {EDITOR = lib.mkOverride 900 cfg.editor;}
      // lib.optionalAttrs (cfg.workspace != null) {DEV_DIR = cfg.workspace;};
    # The terminfo of terminals that connections come from, without the programs.
    systemPackages = [pkgs.git pkgs.vim pkgs.curl pkgs.ghostty.terminfo] ++ cfg.packages;
  };
}
