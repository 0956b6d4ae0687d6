# Names on the local network without a name server.
{
  config,
  lib,
  ...
}: let
  cfg = config.pantheros.localDiscovery;
in {
  options.pantheros.localDiscovery = {
    enable = lib.mkEnableOption "names by multicast DNS (`NAME.local`)";
    interfaces = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = [];
      description = "Interfaces that it uses; all when empty. Never name one that faces the internet.";
    };
  };

  config.services.avahi = lib.mkIf cfg.enable {
    enable = true;
    nssmdns4 = lib.mkDefault true;
    openFirewall = lib.mkDefault (cfg.interfaces == []);
    allowInterfaces = lib.mkIf (cfg.interfaces != []) cfg.interfaces;
    publish = {
      enable = lib.mkDefault true;
      addresses = lib.mkDefault true;
    };
  };
}
