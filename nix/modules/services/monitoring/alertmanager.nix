# Alertmanager: groups what fires and tells it to one address outside the fleet.
{
  config,
  lib,
  ...
}: let
  cfg = config.pantheros.services.alertmanager;
in {
  options.pantheros.services.alertmanager =
    import ../../../lib/service-options.nix {inherit lib;} {
      description = "Alertmanager";
      port = 9093;
    }
    // {
      repeatHours = lib.mkOption {
        type = lib.types.ints.positive;
        default = 12;
        description = "Hours after which an alert that still holds is told again.";
      };
    };

  config = lib.mkIf cfg.enable {
    pantheros.secrets.alertmanager-environment.services = ["alertmanager"];

    services.prometheus.alertmanager = {
      enable = true;
      inherit (cfg) port;
      listenAddress = cfg.listen;
      # One machine: no gossip, no port for it.
      extraFlags = ["--cluster.listen-address="];
      environmentFile = config.pantheros.secrets.alertmanager-environment.path;
      # The address is a secret and comes with the environment, which the check can't see.
      checkConfig = false;
      configuration = {
        route = {
          receiver = "webhook";
          group_by = ["alertname" "host"];
          group_wait = "30s";
          group_interval = "5m";
          repeat_interval = "${toString cfg.repeatHours}h";
        };
        inhibit_rules = [
          {
            source_matchers = ["alertname = HostSilent"];
            target_matchers = ["severity = warning"];
            equal = ["host"];
          }
        ];
        receivers = [
          {
            name = "webhook";
            webhook_configs = [
              {
                url = "$ALERT_WEBHOOK_URL";
                send_resolved = true;
              }
            ];
          }
        ];
      };
    };
  };
}
