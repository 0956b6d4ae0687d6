# Grafana: data sources and dashboards are code, so its own state need not be kept. Everyone who reaches it (through
# single sign-on at the gateway, or by the tailnet's policy) may view; changes need the administrator's password. It
# trusts no header about the user, because the tailnet also reaches it without the gateway.
{
  config,
  host,
  lib,
  pkgs,
  registry,
  ...
}: let
  cfg = config.pantheros.services.grafana;
  secrets = config.pantheros.secrets;
  credentials = "/run/credentials/grafana.service";
  prometheus = registry.locate host.name "prometheus";
  loki = registry.locate host.name "loki";
  name = registry.nameFor "grafana";

  source = type: address: {
    inherit type;
    name = lib.toSentenceCase type;
    uid = type;
    url = "http://${address}";
    access = "proxy";
    editable = false;
  };
  dashboards = pkgs.linkFarm "pantheros-dashboards" (
    lib.mapAttrsToList (file: dashboard: {
      name = "${file}.json";
      path = pkgs.writeText "${file}.json" (builtins.toJSON dashboard);
    }) (import ./dashboards.nix {inherit (registry) cacheName;})
  );
in {
  options.pantheros.services.grafana =
    import ../../../lib/service-options.nix {inherit lib;} {
      description = "Grafana";
      port = 3000;
    }
    // {
      anonymousViewers = lib.mkOption {
        type = lib.types.bool;
        default = true;
        description = "Whether dashboards are visible without a login to Grafana.";
      };
    };

  config = lib.mkIf cfg.enable {
    pantheros.secrets = {
      grafana-admin-password.services = ["grafana"];
      grafana-secret-key.services = ["grafana"];
    };
    pantheros.services.postgresql.databases = ["grafana"];

    services.grafana = {
      enable = true;
      settings = {
        server = {
          http_addr = cfg.listen;
          http_port = cfg.port;
          domain = name;
          root_url = "https://${name}/";
        };
        database = {
          type = "postgres";
          host = "/run/postgresql";
          user = "grafana";
          name = "grafana";
        };
        security = {
          admin_password = "$__file{${credentials}/admin}";
          secret_key = "$__file{${credentials}/key}";
          cookie_secure = true;
          disable_gravatar = true;
        };
        users.allow_sign_up = false;
        "auth.anonymous" = {
          enabled = cfg.anonymousViewers;
          org_role = "Viewer";
        };
        analytics = {
          reporting_enabled = false;
          check_for_updates = false;
          check_for_plugin_updates = false;
        };
      };
      provision = {
        enable = true;
        datasources.settings.datasources =
          lib.optional (prometheus != null) (source "prometheus" prometheus // {isDefault = true;})
          ++ lib.optional (loki != null) (source "loki" loki);
        dashboards.settings.providers = [
          {
            name = "pantheros";
            folder = "PantherOS";
            disableDeletion = true;
            options.path = dashboards;
          }
        ];
      };
    };

    systemd.services.grafana = {
      after = ["postgresql.service" "postgresql.target"];
      wants = ["postgresql.target"];
      serviceConfig.LoadCredential = [
        "admin:${secrets.grafana-admin-password.path}"
        "key:${secrets.grafana-secret-key.path}"
      ];
    };
  };
}
