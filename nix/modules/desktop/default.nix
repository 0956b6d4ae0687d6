# A machine with a desktop. The options in planned/ are not implemented yet.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkDefault;
  cfg = config.pantheros.desktop;
in {
  options.pantheros.desktop.enable = lib.mkEnableOption "a graphical session with niri, sound and a terminal";

  config = lib.mkIf cfg.enable {
    programs.niri.enable = mkDefault true;
    security.rtkit.enable = mkDefault true;
    services.pipewire = {
      enable = mkDefault true;
      alsa.enable = mkDefault true;
      pulse.enable = mkDefault true;
    };
    networking.networkmanager.enable = mkDefault true;
    pantheros.environment.packages = [pkgs.ghostty pkgs.wget];

    assertions = [
      {
        assertion = lib.any (account: account.passwordSecret != null) (lib.attrValues config.pantheros.users);
        message = "${config.networking.hostName}: no account can log in at its keyboard; give a user of this host `password_secret` in fleet.toml, and add a table [secrets.NAME] for the password's hash";
      }
    ];
  };
}
