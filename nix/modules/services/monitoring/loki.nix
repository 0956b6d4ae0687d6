# Loki: the journals of all servers, and alerts on security messages in them.
{
  config,
  host,
  lib,
  pkgs,
  registry,
  ...
}: let
  cfg = config.pantheros.services.loki;
  alertmanager = registry.locate host.name "alertmanager";
  state = config.services.loki.dataDir;

  # Loki reads rules from a directory per tenant; without tenants its name is "fake".
  rules = pkgs.writeTextDir "fake/security.yaml" (builtins.toJSON {
    groups = import ./log-rules.nix {inherit (registry.expected) hosts;};
  });
in {
  options.pantheros.services.loki =
    import ../../../lib/service-options.nix {inherit lib;} {
      description = "Loki";
      port = 3100;
    }
    // {
      retentionDays = lib.mkOption {
        type = lib.types.ints.positive;
        default = 30;
        description = "Days that logs are kept.";
      };
    };

  config = lib.mkIf cfg.enable {
    services.loki = {
      enable = true;
      configuration = {
        auth_enabled = false;
        analytics.reporting_enabled = false;
        server = {
          http_listen_address = cfg.listen;
          http_listen_port = cfg.port;
          grpc_listen_address = "127.0.0.1";
          grpc_listen_port = 9096;
        };
        common = {
          instance_addr = "127.0.0.1";
          path_prefix = state;
          replication_factor = 1;
          ring.kvstore.store = "inmemory";
          storage.filesystem = {
            chunks_directory = "${state}/chunks";
            rules_directory = "${state}/rules";
          };
        };
        schema_config.configs = [
          {
            from = "2025-01-01";
            store = "tsdb";
            object_store = "filesystem";
            schema = "v13";
            index = {
              prefix = "index_";
              period = "24h";
            };
          }
        ];
        limits_config = {
          retention_period = "${toString (cfg.retentionDays * 24)}h";
          reject_old_samples = true;
          reject_old_samples_max_age = "168h";
          # There are few labels, from fixed lists (lib/alloy.nix); a sender with more is refused before
          # it fills the memory.
          max_label_names_per_series = 8;
          max_global_streams_per_user = 5000;
        };
        compactor = {
          working_directory = "${state}/compactor";
          retention_enabled = true;
          delete_request_store = "filesystem";
        };
        ruler =
          {
            storage = {
              type = "local";
              local.directory = "${rules}";
            };
            rule_path = "${state}/rules-scratch";
            ring.kvstore.store = "inmemory";
          }
          // lib.optionalAttrs (alertmanager != null) {
            alertmanager_url = "http://${alertmanager}";
          };
      };
    };
  };
}
