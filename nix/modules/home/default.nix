# Home Manager's configuration of each person: shell, Git, terminal, editors and tools, from `[users]` of the inventory.
# Files beside this one are modules of Home Manager; `person` is the account, `theme` is pantheros.theme.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros.home;
  inherit (config.pantheros) desktop development environment theme;
in {
  options.pantheros.home = {
    enable = mkOption {
      type = types.bool;
      default = desktop.enable;
      defaultText = lib.literalMD "as `pantheros.desktop.enable`";
      description = "Whether Home Manager configures the accounts of people.";
    };
    terminalEditor = mkOption {
      type = types.enum ["nvim" "hx"];
      default = "nvim";
      description = "Editor that programs start in a terminal (`EDITOR`) where there is no desktop.";
    };
  };

  config = lib.mkIf cfg.enable {
    home-manager = {
      # A file that the account made itself is kept under this suffix; without it the account's activation fails.
      backupFileExtension = lib.mkDefault "before-home-manager";
      extraSpecialArgs = {
        graphical = desktop.enable;
        developer = development.enable;
        assistants = development.assistants.enable;
        inherit (environment) workspace;
        inherit (cfg) terminalEditor;
        theme = {inherit (theme) monospace palette variant;};
      };
      users =
        lib.mapAttrs (_: person: {
          imports = [
            ./programs/assistants.nix
            ./programs/editors.nix
            ./programs/git.nix
            ./programs/shell.nix
            ./programs/terminal.nix
            ./programs/tools.nix
          ];
          _module.args = {inherit person;};
          home.stateVersion = lib.mkDefault config.system.stateVersion;
        })
        config.pantheros.users;
    };
  };
}
