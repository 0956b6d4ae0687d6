# Compilers, package managers and language servers by language, for work outside of a project's own shell. Helix, Neovim and
# Zed start the servers from PATH.
{
  config,
  lib,
  pkgs,
  ...
}: let
  cfg = config.pantheros.development;
  # Language -> its programs. The server comes last.
  programs = {
    c = [pkgs.gcc pkgs.gnumake pkgs.cmake pkgs.pkg-config pkgs.clang-tools];
    go = [pkgs.go pkgs.gopls];
    javascript = [pkgs.nodejs pkgs.typescript-language-server];
    nix = [pkgs.alejandra pkgs.nil];
    python = [pkgs.python3 pkgs.uv pkgs.pyright];
    rust = [pkgs.rustc pkgs.cargo pkgs.clippy pkgs.rustfmt pkgs.rust-analyzer];
    shell = [pkgs.shellcheck pkgs.shfmt pkgs.bash-language-server];
  };
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
