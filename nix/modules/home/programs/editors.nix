# Editors with the theme's colours. Language servers are those on PATH: of the project's shell, or of
# pantheros.development.
{
  developer,
  graphical,
  lib,
  theme,
  ...
}: let
  inherit (lib) mkDefault;
  inherit (theme) palette;
in {
  programs.neovim = {
    enable = mkDefault true;
    viAlias = mkDefault true;
    vimAlias = mkDefault true;
    initLua = ''
      vim.o.number = true
      vim.o.expandtab = true
      vim.o.shiftwidth = 2
      vim.o.background = "${theme.variant}"
      vim.cmd.colorscheme("${palette.names.neovim}")
    '';
  };
  programs.helix = lib.mkIf developer {
    enable = mkDefault true;
    settings = {
      theme = mkDefault palette.names.helix;
      editor = {
        line-number = mkDefault "relative";
        lsp.display-messages = mkDefault true;
      };
    };
  };
  programs.zed-editor = lib.mkIf (graphical && developer) {
    enable = mkDefault true;
    userSettings = {
      theme = mkDefault palette.names.zed;
      buffer_font_family = mkDefault theme.monospace;
      # Nix installs language servers; Zed's own downloads do not run on NixOS.
      load_direnv = mkDefault "shell_hook";
      telemetry = {
        diagnostics = mkDefault false;
        metrics = mkDefault false;
      };
      auto_update = mkDefault false;
    };
  };
}
