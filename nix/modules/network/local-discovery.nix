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

  config = lib.mkIf cfg.enable {
    services.avahi = {
      enable = true;
      nssmdns4 = lib.mkDefault true;
      # The option would open the port to every address; the rules below do not.
      openFirewall = false;
      allowInterfaces = lib.mkIf (cfg.interfaces != []) cfg.interfaces;
      publish = {
        enable = lib.mkDefault true;
        addresses = lib.mkDefault true;
      };
    };
    # Without named interfaces: the group addresses of multicast DNS, which no router forwards
    # (RFC 6762, section 3).
    networking.firewall.extraInputRules = lib.mkIf (cfg.interfaces == []) ''
      ip daddr 224.0.0.251 udp dport 5353 accept comment "multicast DNS"
      ip6 daddr ff02::fb udp dport 5353 accept comment "multicast DNS"
    '';
  };
}
