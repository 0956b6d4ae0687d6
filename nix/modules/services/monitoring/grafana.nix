# Grafana: data sources and dashboards are code, so its own state need not be kept. Everyone who reaches it (through
# single sign-on at the gateway, or by the tailnet's policy) may view. Changes need the administrator's password, or a
# login through Dex by a member of the directory's administrators. It trusts no header about the user, because the tailnet
# also reaches it without the gateway.
{
  config,
  fleet,
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
  tempo = registry.locate host.name "tempo";
  name = registry.nameFor "grafana";
  issuer = "https://${registry.nameFor "dex"}";

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
    }) (import ./dashboards.nix {inherit (registry) cacheName;} // lib.optionalAttrs (tempo != null) (import ./run-dashboards.nix))
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
      dex = lib.mkOption {
        type = lib.types.bool;
        default = registry.hasDexClient "grafana";
        defaultText = lib.literalMD "whether the service with `module = \"dex\"` has a client with the id `grafana`";
        description = "Whether people log in to Grafana through Dex; the fleet's administrators may change everything. The secret `grafana-dex-secret` has the same value as DEX_CLIENT_GRAFANA of Dex.";
      };
    };

  config = lib.mkIf cfg.enable {
    pantheros.secrets =
      {
        grafana-admin-password.services = ["grafana"];
        grafana-secret-key.services = ["grafana"];
      }
      // lib.optionalAttrs cfg.dex {grafana-dex-secret.services = ["grafana"];};
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
        # Source: grafana.com/docs, "Configure generic OAuth2 authentication".
        "auth.generic_oauth" = lib.mkIf cfg.dex {
          enabled = true;
          name = "PantherOS";
          client_id = "grafana";
          client_secret = "$__file{${credentials}/dex}";
          scopes = "openid profile email groups";
          auth_url = "${issuer}/auth";
          token_url = "${issuer}/token";
          api_url = "${issuer}/userinfo";
          use_pkce = true;
          allow_sign_up = true;
          login_attribute_path = "preferred_username";
          role_attribute_path = "contains(groups[*], '${fleet.admins}') && 'Admin' || 'Viewer'";
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
          ++ lib.optional (loki != null) (source "loki" loki)
          ++ lib.optional (tempo != null) (source "tempo" tempo);
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
      serviceConfig.LoadCredential =
        [
          "admin:${secrets.grafana-admin-password.path}"
          "key:${secrets.grafana-secret-key.path}"
        ]
        ++ lib.optional cfg.dex "dex:${secrets.grafana-dex-secret.path}";
    };

    assertions = [
      {
        assertion = cfg.dex -> registry.nameFor "dex" != null;
        message = "pantheros.services.grafana.dex: no service of the fleet has module = \"dex\"; add one to fleet.toml, or set dex = false";
      }
    ];
  };
}
