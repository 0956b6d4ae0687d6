# niri, its portals, and its configuration for every account without one of its own (/etc/niri/config.kdl; source: niri's
# wiki, "Configuration: Introduction").
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkDefault mkOption types;
  cfg = config.pantheros.desktop;
in {
  options.pantheros.desktop = {
    outputs = mkOption {
      type = types.attrsOf (types.submodule {
        options = {
          scale = mkOption {
            type = types.nullOr (types.numbers.between 0.5 4);
            default = null;
            example = 1.5;
            description = "Scale of what the screen shows, fractions included; null: niri chooses it by the screen's size.";
          };
          mode = mkOption {
            type = types.nullOr (types.strMatching "[0-9]+x[0-9]+(@[0-9]+(\\.[0-9]+)?)?");
            default = null;
            example = "2560x1600@120";
            description = "Resolution and refresh rate; null: the screen's preferred mode.";
          };
        };
      });
      default = {};
      example = {"eDP-1".scale = 1.5;};
      description = "Screens, by the connector's name (`niri msg outputs`).";
    };
    keyboardLayout = mkOption {
      type = types.singleLineStr;
      default = "us";
      example = "us,de";
      description = "Layouts of the keyboard (xkeyboard-config(7)), of the session and of the greeter.";
    };
  };

  config = lib.mkIf cfg.enable {
    programs.niri.enable = mkDefault true;
    programs.dconf.enable = mkDefault true;
    security.polkit.enable = mkDefault true;
    # The greeter opens it with the password of the login.
    services.gnome.gnome-keyring.enable = mkDefault true;
    hardware.graphics.enable = mkDefault true;

    # The GNOME portal records screens, the GTK portal opens files. Source: niri's wiki, "Important Software".
    xdg.portal = {
      enable = mkDefault true;
      extraPortals = [pkgs.xdg-desktop-portal-gnome pkgs.xdg-desktop-portal-gtk];
      config.niri.default = mkDefault ["gnome" "gtk"];
    };
    # niri starts it by itself for programs that need X11.
    environment.systemPackages = [pkgs.xwayland-satellite];
    # Electron's programs use Wayland with this variable. Source: nixpkgs, doc/packages/electron.
    environment.sessionVariables.NIXOS_OZONE_WL = mkDefault "1";

    services.xserver.xkb.layout = mkDefault cfg.keyboardLayout;
    environment.etc."niri/config.kdl".text = import ../../lib/niri.nix {
      inherit (cfg) keyboardLayout outputs;
      inherit (config.pantheros.theme) palette;
      terminal = "ghostty";
      shell = cfg.shell.enable;
    };
  };
}
