# Grafana Alloy on each server: metrics of the machine and of what listens on loopback only, and the journal.
{
  config,
  host,
  lib,
  registry,
  ...
}: let
  cfg = config.pantheros.services.alloy;
  prometheus = registry.locate host.name "prometheus";
  loki = registry.locate host.name "loki";
  monitored = lib.elem "server" host.tags && host.provider.kind != "image";
  quoted = builtins.toJSON;

  metrics = ''
    prometheus.remote_write "monitor" {
      endpoint {
        url = ${quoted "http://${prometheus}/api/v1/write"}
      }
      external_labels = { host = ${quoted host.name} }
    }

    prometheus.exporter.unix "host" {
      enable_collectors = ["systemd", "processes"]
      textfile {
        directory = ${quoted cfg.textfiles}
      }
    }

    prometheus.scrape "host" {
      targets         = prometheus.exporter.unix.host.targets
      scrape_interval = "30s"
      forward_to      = [prometheus.remote_write.monitor.receiver]
    }
  '';
  local = name: address: ''
    prometheus.scrape ${quoted name} {
      targets         = [{ __address__ = ${quoted address}, job = ${quoted name}, instance = ${quoted host.name} }]
      scrape_interval = "30s"
      forward_to      = [prometheus.remote_write.monitor.receiver]
    }
  '';
  logs = ''
    loki.write "monitor" {
      endpoint {
        url = ${quoted "http://${loki}/loki/api/v1/push"}
      }
    }

    loki.relabel "journal" {
      forward_to = []
      rule {
        source_labels = ["__journal__systemd_unit"]
        target_label  = "unit"
      }
      rule {
        source_labels = ["__journal_priority_keyword"]
        target_label  = "level"
      }
    }

    loki.source.journal "journal" {
      max_age       = "12h"
      labels        = { host = ${quoted host.name} }
      relabel_rules = loki.relabel.journal.rules
      forward_to    = [loki.write.monitor.receiver]
    }
  '';
in {
  options.pantheros.services.alloy = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = monitored && (prometheus != null || loki != null);
      defaultText = lib.literalMD "whether the host has the tag `server`, and Prometheus or Loki run somewhere";
      description = "Whether to send metrics and journal to the monitor.";
    };
    scrapes = lib.mkOption {
      type = lib.types.attrsOf lib.types.singleLineStr;
      default = {};
      example = {caddy = "127.0.0.1:2019";};
      description = "Metrics that listen on loopback: name -> address; the path is /metrics.";
    };
    textfiles = lib.mkOption {
      type = lib.types.str;
      default = "/var/lib/pantheros/metrics";
      description = "Directory in which programs leave metrics as files NAME.prom.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.alloy = {
      enable = true;
      extraFlags = ["--disable-reporting" "--server.http.listen-addr=127.0.0.1:12345"];
    };
    environment.etc."alloy/config.alloy".text = lib.concatStringsSep "\n" (
      lib.optional (prometheus != null) metrics
      ++ lib.optionals (prometheus != null) (lib.mapAttrsToList local cfg.scrapes)
      ++ lib.optional (loki != null) logs
    );
    systemd.tmpfiles.rules = ["d ${cfg.textfiles} 0755 root root -"];
  };
}
