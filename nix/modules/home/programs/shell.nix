# The login shell. fish is the fleet's; accounts with another shell get the same variables.
{
  config,
  developer,
  graphical,
  lib,
  person,
  terminalEditor,
  workspace,
  ...
}: let
  inherit (lib) mkDefault;
in {
  programs.fish = {
    enable = mkDefault (person.shell == "fish");
    interactiveShellInit = ''
      set -g fish_greeting
    '';
    shellAbbrs = {
      g = "git";
      ls = "eza";
      ll = "eza --long --git";
    };
  };
  programs.bash.enable = mkDefault (person.shell == "bash");
  programs.zsh.enable = mkDefault (person.shell == "zsh");

  home.sessionVariables =
    {
      EDITOR = mkDefault (
        # Zed is installed where both hold (editors.nix).
        if graphical && developer
        then "zeditor --wait"
        else terminalEditor
      );
    }
    // lib.optionalAttrs (workspace != null && lib.hasPrefix "${config.home.homeDirectory}/" workspace) {
      DEV_DIR = workspace;
    };
}
