# Compilers, package managers and language servers by language (lib/languages.nix), for work outside of a project's own
# shell. Helix, Neovim and Zed start the servers from PATH.
{
  config,
  lib,
  pkgs,
  ...
}: let
  cfg = config.pantheros.development;
  programs = import ../../lib/languages.nix pkgs;
  # Options are listed without a package set, so their names are written here.
  names = ["c" "go" "javascript" "nix" "python" "rust" "shell"];
  chosen = lib.filter (language: cfg.languages.${language}.enable) names;
in {
  options.pantheros.development.languages = lib.genAttrs names (language: {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = cfg.enable;
      defaultText = lib.literalMD "as `pantheros.development.enable`";
      description = "Whether to install the tools of ${language}, with its language server.";
    };
  });

  config.pantheros.environment.packages = lib.concatMap (language: programs.${language}) chosen;
}
