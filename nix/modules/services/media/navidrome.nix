# Navidrome: music in a browser and in apps for Subsonic. The gateway signs people on; Navidrome then has accounts of its
# own and takes no user from a header, because the tailnet also reaches it without the gateway.
{
  config,
  lib,
  registry,
  ...
}: let
  cfg = config.pantheros.services.navidrome;
  name = registry.nameFor "navidrome";
in {
  options.pantheros.services.navidrome = import ../../../lib/service-options.nix {inherit lib;} {
    description = "the music server Navidrome";
    port = 4533;
  };

  config = lib.mkIf cfg.enable {
    services.navidrome = {
      enable = true;
      # Source: navidrome.org, "Configuration Options".
      settings =
        {
          Address = cfg.listen;
          Port = cfg.port;
          MusicFolder = "${config.pantheros.media.directory}/music";
          EnableInsightsCollector = false;
          Prometheus.Enabled = true;
        }
        // lib.optionalAttrs (name != null) {ShareURL = "https://${name}";};
    };
  };
}
