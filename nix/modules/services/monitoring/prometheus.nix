# Prometheus: receives the agents' metrics, scrapes the services of the registry, and probes every public name.
{
  config,
  host,
  lib,
  pkgs,
  registry,
  ...
}: let
  cfg = config.pantheros.services.prometheus;
  own = registry.hosts.${host.name};
  alertmanager = registry.locate host.name "alertmanager";
  blackbox = "127.0.0.1:${toString config.services.prometheus.exporters.blackbox.port}";
  # Seconds between two scrapes, and between two evaluations of the rules.
  interval = 30;
in {
  options.pantheros.services.prometheus =
    import ../../../lib/service-options.nix {inherit lib;} {
      description = "Prometheus";
      port = 9090;
    }
    // {
      retentionDays = lib.mkOption {
        type = lib.types.ints.positive;
        default = 90;
        description = "Days that metrics are kept.";
      };
      retentionGb = lib.mkOption {
        type = lib.types.ints.positive;
        default = 20;
        description = "Gigabytes of disk space for metrics, regardless of their age.";
      };
    };

  config = lib.mkIf cfg.enable {
    services.prometheus = {
      enable = true;
      inherit (cfg) port;
      listenAddress = cfg.listen;
      retentionTime = "${toString cfg.retentionDays}d";
      extraFlags = [
        "--web.enable-remote-write-receiver"
        "--storage.tsdb.retention.size=${toString cfg.retentionGb}GB"
      ];
      globalConfig = {
        scrape_interval = "${toString interval}s";
        evaluation_interval = "${toString interval}s";
      };
      scrapeConfigs = import ./scrapes.nix {
        inherit (own) probes scrapes;
        inherit blackbox;
      };
      rules = [
        (builtins.toJSON {
          groups = import ./rules.nix {
            inherit (registry) expected;
            inherit interval;
          };
        })
      ];
      alertmanagers = lib.optional (alertmanager != null) {static_configs = [{targets = [alertmanager];}];};

      exporters.blackbox = {
        enable = own.probes != [];
        listenAddress = "127.0.0.1";
        configFile = pkgs.writeText "blackbox.json" (builtins.toJSON {
          modules.https = import ./probe.nix;
        });
      };
    };
  };
}
