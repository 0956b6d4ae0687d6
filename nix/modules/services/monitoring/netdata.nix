# Netdata: metrics of every server per second. Servers keep minutes in memory and stream to the parent,
# the host of the service in the registry.
{
  config,
  host,
  lib,
  pkgs,
  registry,
  ...
}: let
  cfg = config.pantheros.services.netdata;
  parent = registry.locate host.name "netdata";
  monitored = lib.elem "server" host.tags && host.provider.kind != "image";
  secret = config.pantheros.secrets.netdata-stream-key;

  # The children's key is read when Netdata starts, because every user can read its configuration in the store.
  stream = pkgs.writeShellScript "netdata-stream" (
    ''
      set -eu
      umask 077
      key=$(cat "$CREDENTIALS_DIRECTORY/stream-key")
    ''
    + (
      if cfg.enable
      then ''printf '[%s]\n  enabled = yes\n  allow from = *\n  db = dbengine\n' "$key" >/run/netdata/stream.conf''
      else ''printf '[stream]\n  enabled = yes\n  destination = %s\n  api key = %s\n' ${lib.escapeShellArg parent} "$key" >/run/netdata/stream.conf''
    )
  );
in {
  options.pantheros.services.netdata =
    import ../../../lib/service-options.nix {inherit lib;} {
      description = "Netdata's parent, to which the servers stream";
      port = 19999;
    }
    // {
      stream.enable = lib.mkOption {
        type = lib.types.bool;
        default = monitored && parent != null && !cfg.enable;
        defaultText = lib.literalMD "whether the host has the tag `server`, and the parent is another host";
        description = "Whether to stream this host's metrics to the parent.";
      };
      retentionGb = lib.mkOption {
        type = lib.types.ints.positive;
        default = 4;
        description = "Gigabytes of disk space for each of the parent's three resolutions.";
      };
    };

  config = lib.mkIf (cfg.enable || cfg.stream.enable) {
    pantheros.secrets.netdata-stream-key.services = ["netdata"];

    services.netdata = {
      enable = true;
      config =
        if cfg.enable
        then {
          global."hostname" = host.name;
          web = {
            "bind to" = "${cfg.listen}:${toString cfg.port}";
            "allow streaming from" = "*";
          };
          db = {
            mode = "dbengine";
            "dbengine tier 0 retention size" = "${toString cfg.retentionGb}GiB";
            "dbengine tier 1 retention size" = "${toString cfg.retentionGb}GiB";
            "dbengine tier 2 retention size" = "${toString cfg.retentionGb}GiB";
          };
        }
        else {
          global."hostname" = host.name;
          web.mode = "none";
          db = {
            mode = "ram";
            retention = 1200;
          };
          health.enabled = "no";
          ml.enabled = "no";
        };
      configDir."stream.conf" = "/run/netdata/stream.conf";
    };

    systemd.services.netdata.serviceConfig = {
      LoadCredential = ["stream-key:${secret.path}"];
      ExecStartPre = stream;
    };
  };
}
