# Immich: photographs and videos of people, copied from their phones. Its apps cannot follow the gateway's sign-on, so it
# signs people on itself (`auth = "own"`). What it keeps exists nowhere else: name the directory in `backup`.
{
  config,
  lib,
  ...
}: let
  cfg = config.pantheros.services.immich;
in {
  options.pantheros.services.immich =
    import ../../../lib/service-options.nix {inherit lib;} {
      description = "Immich, for photographs";
      port = 2283;
    }
    // {
      directory = lib.mkOption {
        type = lib.types.strMatching "/.+";
        default = "/srv/photos";
        description = "Directory of the photographs.";
      };
      machineLearning = lib.mkOption {
        type = lib.types.bool;
        default = true;
        description = "Whether to find faces and things in photographs, on this host.";
      };
    };

  config = lib.mkIf cfg.enable {
    pantheros.services.postgresql.databases = ["immich"];
    # Metrics of the server and of its workers.
    pantheros.services.alloy.scrapes = {
      immich = "127.0.0.1:8081";
      immich-workers = "127.0.0.1:8082";
    };

    services.immich = {
      enable = true;
      host = cfg.listen;
      inherit (cfg) port;
      mediaLocation = cfg.directory;
      machine-learning.enable = cfg.machineLearning;
      # Source: docs.immich.app, "Environment Variables" (Prometheus).
      environment.IMMICH_TELEMETRY_INCLUDE = "all";
      # pantheros.services.postgresql makes it.
      database.createDB = false;
    };

    systemd.tmpfiles.rules = ["d ${cfg.directory} 0700 immich immich -"];
  };
}
