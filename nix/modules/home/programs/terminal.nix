# The terminal and what runs in it: Ghostty on a desktop, tmux everywhere.
{
  graphical,
  lib,
  theme,
  ...
}: let
  inherit (lib) mkDefault;
  inherit (theme) palette;
in {
  programs.ghostty = lib.mkIf graphical {
    enable = mkDefault true;
    settings = {
      font-family = mkDefault theme.monospace;
      background = mkDefault palette.background;
      foreground = mkDefault palette.foreground;
      cursor-color = mkDefault palette.accent;
      palette = lib.imap0 (index: colour: "${toString index}=${colour}") palette.terminal;
      window-padding-x = mkDefault 8;
      # Copying to the clipboard of the machine in front of the person, also over SSH; reading it asks.
      clipboard-write = mkDefault "allow";
      clipboard-read = mkDefault "ask";
    };
  };
  programs.tmux = {
    enable = mkDefault true;
    clock24 = mkDefault true;
    escapeTime = mkDefault 10;
    historyLimit = mkDefault 50000;
    keyMode = mkDefault "vi";
    mouse = mkDefault true;
    terminal = mkDefault "tmux-256color";
    extraConfig = ''
      set -g status-style "bg=${palette.surface},fg=${palette.foreground}"
      set -g pane-active-border-style "fg=${palette.accent}"
    '';
  };
}
