# Tempo: traces. The documents have it "if needed": no service of the fleet sends traces yet, so it is off by default.
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
      description = "Tempo (optional in the documents; no service of the fleet sends traces yet)";
      port = 3200;
    }
    // {
      retentionDays = lib.mkOption {
        type = lib.types.ints.positive;
        default = 7;
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
        distributor.receivers.otlp.protocols = {
          grpc.endpoint = "127.0.0.1:4317";
          http.endpoint = "127.0.0.1:4318";
        };
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
