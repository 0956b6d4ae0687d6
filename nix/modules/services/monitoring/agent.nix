# Grafana Alloy on each server: metrics of the machine and of services on loopback, and the journal.
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
      description = "Metrics endpoints on loopback: name -> address; the path is /metrics.";
    };
    textfiles = lib.mkOption {
      type = lib.types.str;
      default = "/var/lib/pantheros/metrics";
      description = "Directory of metrics that programs write as files NAME.prom.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.alloy = {
      enable = true;
      extraFlags = ["--disable-reporting" "--server.http.listen-addr=127.0.0.1:12345"];
    };
    environment.etc."alloy/config.alloy".text = (import ../../../lib/alloy.nix).config {
      inherit prometheus loki;
      inherit (cfg) scrapes textfiles;
      host = host.name;
      names = lib.optionals config.pantheros.services.caddy.enable (lib.attrNames registry.hosts.${host.name}.virtualHosts);
    };
    systemd.tmpfiles.rules = ["d ${cfg.textfiles} 0755 root root -"];
  };
}
