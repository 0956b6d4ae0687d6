# Prometheus: takes what the agents send, scrapes the services of the registry, asks after every public name.
{
  config,
  fleet,
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
  expected = lib.attrNames (lib.filterAttrs (_: other: other.reachability == "always" && lib.elem "server" other.tags) fleet.deployable);

  scrape = entry: {
    job_name = entry.job;
    metrics_path = entry.path;
    inherit (entry) params;
    # The parent speaks for many hosts: their names are its labels.
    honor_labels = entry.job == "netdata";
    static_configs = [{targets = [entry.target];}];
  };
  # The exporter is asked, about the target (prometheus.io, "Multi-target exporter pattern").
  probe = {
    job_name = "probe";
    metrics_path = "/probe";
    params.module = ["https"];
    static_configs = [{targets = own.probes;}];
    relabel_configs = [
      {
        source_labels = ["__address__"];
        target_label = "__param_target";
      }
      {
        source_labels = ["__param_target"];
        target_label = "instance";
      }
      {
        target_label = "__address__";
        replacement = blackbox;
      }
    ];
  };
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
        description = "Gigabytes that metrics may take, whatever their age.";
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
        # Runners of the program tell their figures this way (pantheros_run_*): JSON, which curl can send.
        "--web.enable-otlp-receiver"
        "--storage.tsdb.retention.size=${toString cfg.retentionGb}GB"
      ];
      globalConfig = {
        scrape_interval = "30s";
        evaluation_interval = "30s";
      };
      scrapeConfigs = map scrape own.scrapes ++ lib.optional (own.probes != []) probe;
      rules = [(builtins.toJSON {groups = import ./rules.nix {inherit expected;};})];
      alertmanagers = lib.optional (alertmanager != null) {static_configs = [{targets = [alertmanager];}];};

      exporters.blackbox = {
        enable = own.probes != [];
        listenAddress = "127.0.0.1";
        configFile = pkgs.writeText "blackbox.json" (builtins.toJSON {
          modules.https = {
            prober = "http";
            timeout = "10s";
            http = {
              fail_if_not_ssl = true;
              # Where sign-on stands in front, being sent to it, or being refused, is what health looks like from outside.
              valid_status_codes = [200 302 303 401];
              follow_redirects = false;
            };
          };
        });
      };
    };
  };
}
