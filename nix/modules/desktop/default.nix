# A machine with a desktop: niri, with a shell, sound, applications, and a greeter at which a person can log in.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkDefault;
  cfg = config.pantheros.desktop;
in {
  imports = [
    ./applications.nix
    ./compositor.nix
    ./devices.nix
    ./fonts.nix
    ./gaming.nix
    ./media.nix
    ./power.nix
    ./shell.nix
    ./sound.nix
  ];

  options.pantheros.desktop.enable = lib.mkEnableOption "a graphical session with niri, a shell, sound, applications and a terminal";

  config = lib.mkIf cfg.enable {
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
