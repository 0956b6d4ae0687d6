# Jellyfin: films and series in a browser and in its apps. The gateway signs people on; Jellyfin then has accounts of its
# own, which its administrator makes. Apps cannot follow the gateway's sign-on and use the tailnet's name.
{
  config,
  lib,
  ...
}: let
  cfg = config.pantheros.services.jellyfin;
in {
  options.pantheros.services.jellyfin = import ../../../lib/service-options.nix {inherit lib;} {
    description = "the media server Jellyfin";
    port = 8096;
  };

  config = lib.mkIf cfg.enable {
    services.jellyfin.enable = true;
    # Devices of the graphics processor, which transcodes.
    users.users.jellyfin.extraGroups = ["render" "video"];
    pantheros.hardware.graphics.enable = lib.mkIf (config.pantheros.hardware.gpus != []) (lib.mkDefault true);

    assertions = [
      {
        # Jellyfin keeps its port in a file that it writes itself.
        assertion = cfg.port == 8096;
        message = "pantheros.services.jellyfin.port: Jellyfin listens on 8096, which NixOS cannot change: set port = 8096 for the service in fleet.toml";
      }
    ];
  };
}
