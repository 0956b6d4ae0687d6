# Games: Steam with Proton, and what games need from the system.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkDefault;
  cfg = config.pantheros.desktop.gaming;
in {
  options.pantheros.desktop.gaming.enable = lib.mkEnableOption "games: Steam, GameMode, Gamescope, MangoHud, Lutris and controllers";

  config = lib.mkIf cfg.enable {
    programs = {
      # Remote Play and local transfers stay closed: their ports would be open to every network of a laptop.
      steam.enable = mkDefault true;
      gamemode.enable = mkDefault true;
      gamescope.enable = lib.mkOverride 900 true;
    };
    hardware.graphics.enable32Bit = mkDefault true;
    hardware.steam-hardware.enable = mkDefault true;
    environment.systemPackages = [pkgs.mangohud pkgs.lutris];

    assertions = [
      {
        assertion = config.pantheros.desktop.enable;
        message = "pantheros.desktop.gaming.enable: games need a session; set pantheros.desktop.enable too";
      }
      {
        assertion = pkgs.stdenv.hostPlatform.isx86_64;
        message = "pantheros.desktop.gaming.enable: Steam exists for x86_64 only; leave it off on ${config.networking.hostName}";
      }
    ];
  };
}
