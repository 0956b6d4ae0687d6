# Tempo: traces of runs, which `tools/pantheros report` sends at the end of each deploy. Senders use OTLP over HTTP, on a port
# of its own; a service of the inventory with `module = "custom"` opens that in the tailnet's policy.
{
  config,
  lib,
  ...
}: let
  cfg = config.pantheros.services.tempo;
  state = "/var/lib/tempo";
in {
  options.pantheros.services.tempo =
    import ../../../lib/service-options.nix {inherit lib;} {
      description = "Tempo, for traces of runs";
      port = 3200;
    }
    // {
      receivePort = lib.mkOption {
        type = lib.types.port;
        default = 4318;
        description = "Port that senders use (OTLP over HTTP).";
      };
      retentionDays = lib.mkOption {
        type = lib.types.ints.positive;
        default = 30;
        description = "Days that traces are kept.";
      };
    };

  config = lib.mkIf cfg.enable {
    services.tempo = {
      enable = true;
      settings = {
        server = {
          http_listen_address = cfg.listen;
          http_listen_port = cfg.port;
          grpc_listen_address = "127.0.0.1";
          grpc_listen_port = 9097;
        };
        distributor.receivers.otlp.protocols.http.endpoint = "${cfg.listen}:${toString cfg.receivePort}";
        compactor.compaction.block_retention = "${toString (cfg.retentionDays * 24)}h";
        storage.trace = {
          backend = "local";
          local.path = "${state}/blocks";
          wal.path = "${state}/wal";
        };
        usage_report.reporting_enabled = false;
      };
    };
  };
}
