# DankMaterialShell on Quickshell: bar, launcher, notifications, lock screen, and the greeter. Matugen derives its colours,
# and those of programs, from the wallpaper.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkDefault mkOption types;
  desktop = config.pantheros.desktop;
  cfg = desktop.shell;
in {
  options.pantheros.desktop.shell = {
    enable = mkOption {
      type = types.bool;
      default = desktop.enable;
      defaultText = lib.literalMD "as `pantheros.desktop.enable`";
      description = "Whether to run DankMaterialShell in the session, and its greeter.";
    };
    dynamicColours = mkOption {
      type = types.bool;
      default = true;
      description = "Whether Matugen makes the shell's colours from the wallpaper. False: the shell's own colours.";
    };
  };

  config = lib.mkIf cfg.enable {
    programs.dms-shell = {
      enable = mkDefault true;
      enableDynamicTheming = mkDefault cfg.dynamicColours;
      # A deploy must not end the session's bar; the next session has the new one.
      systemd.restartIfChanged = mkDefault false;
    };
    services.displayManager.dms-greeter = {
      enable = mkDefault true;
      compositor = {
        name = mkDefault "niri";
        # The password is typed at the greeter, so it needs the session's keyboard.
        customConfig = mkDefault ''
          input {
              keyboard {
                  xkb {
                      layout ${builtins.toJSON desktop.keyboardLayout}
                  }
              }
          }
          hotkey-overlay {
              skip-at-startup
          }
        '';
      };
    };
    assertions = [
      {
        assertion = desktop.enable;
        message = "pantheros.desktop.shell.enable: the shell needs a session; set pantheros.desktop.enable too";
      }
    ];
  };
}
