# Alertmanager groups alerts and sends them to one address outside the fleet.
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
        description = "Hours after which a firing alert is sent again.";
      };
    };

  config = lib.mkIf cfg.enable {
    pantheros.secrets.alertmanager-environment.services = ["alertmanager"];

    services.prometheus.alertmanager = {
      enable = true;
      inherit (cfg) port;
      listenAddress = cfg.listen;
      # With a single instance there is no cluster, and no port for it.
      extraFlags = ["--cluster.listen-address="];
      environmentFile = config.pantheros.secrets.alertmanager-environment.path;
      # The address is a secret in the environment, which the check of the configuration cannot read.
      checkConfig = false;
      configuration = import ./alerting.nix {
        inherit (cfg) repeatHours;
        url = "$ALERT_WEBHOOK_URL";
      };
    };
  };
}
