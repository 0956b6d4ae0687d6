# Films, music and photographs of the home server. One directory holds them, and the group `media` reads and writes it.
{
  config,
  lib,
  ...
}: let
  cfg = config.pantheros.media;
  services = config.pantheros.services;
  # Programs of one name and unit, which read or write the directory.
  members = lib.filter (name: services.${name}.enable) ["jellyfin" "navidrome" "radarr" "sonarr" "transmission"];
in {
  imports = [
    ./arr.nix
    ./immich.nix
    ./jellyfin.nix
    ./navidrome.nix
    ./transmission.nix
  ];

  options.pantheros.media = {
    directory = lib.mkOption {
      type = lib.types.strMatching "/.+";
      default = "/srv/media";
      description = "Directory of films, music and downloads. It is not in a backup unless the inventory names it, because it is usually large and can be had again.";
    };
    memoryHigh = lib.mkOption {
      type = lib.types.strMatching "[0-9]+[%KMGT]";
      default = "60%";
      description = "Memory above which the media programs together are slowed down (systemd.resource-control(5)), so that they take none from databases and monitoring.";
    };
  };

  config = lib.mkIf (members != []) {
    users.groups.media = {};
    systemd = {
      tmpfiles.rules =
        ["d ${cfg.directory} 0755 root root -"]
        ++ map (name: "d ${cfg.directory}/${name} 2775 root media -") ["downloads" "films" "music" "series"];
      slices.system-media = {
        description = "Media programs, which yield to the other services";
        sliceConfig = {
          CPUWeight = 50;
          IOWeight = 50;
          MemoryHigh = cfg.memoryHigh;
        };
      };
      services = lib.genAttrs members (name: {
        serviceConfig =
          {
            Slice = "system-media.slice";
            SupplementaryGroups = ["media"];
          }
          # The group may move what these write.
          // lib.optionalAttrs (lib.elem name ["radarr" "sonarr"]) {UMask = lib.mkForce "0002";};
      });
    };
  };
}
