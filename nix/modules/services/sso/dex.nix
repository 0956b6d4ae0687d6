# Dex: OpenID Connect for services that sign people on themselves, with the same directory.
{
  config,
  lib,
  registry,
  ...
}: let
  cfg = config.pantheros.services.dex;
  lldap = config.pantheros.services.lldap;
in {
  options.pantheros.services.dex =
    import ../../../lib/service-options.nix {inherit lib;} {
      description = "the OpenID Connect issuer Dex";
      port = 5556;
    }
    // {
      clients = lib.mkOption {
        type = lib.types.listOf (lib.types.submodule {
          options = {
            id = lib.mkOption {
              type = lib.types.strMatching "[a-z][a-z0-9-]*";
              description = "Client ID.";
            };
            name = lib.mkOption {
              type = lib.types.singleLineStr;
              description = "Name on the sign-on page.";
            };
            redirectURIs = lib.mkOption {
              type = lib.types.nonEmptyListOf lib.types.singleLineStr;
              description = "Allowed redirect URLs.";
            };
          };
        });
        default = [];
        description = "Clients. The secret `dex-environment` has the secret of the client ID as the environment variable DEX_CLIENT_ID (upper case, dashes as underscores).";
      };
    };

  config = lib.mkIf cfg.enable {
    pantheros.secrets.dex-environment.services = ["dex"];
    pantheros.services.postgresql.databases = ["dex"];
    pantheros.services.alloy.scrapes.dex = "127.0.0.1:5558";

    services.dex = {
      enable = true;
      environmentFile = config.pantheros.secrets.dex-environment.path;
      settings = {
        issuer = "https://${registry.nameFor "dex"}";
        storage = {
          type = "postgres";
          config = {
            host = "/run/postgresql";
            database = "dex";
            user = "dex";
            ssl.mode = "disable";
          };
        };
        web.http = "${cfg.listen}:${toString cfg.port}";
        telemetry.http = "127.0.0.1:5558";
        oauth2.skipApprovalScreen = true;
        staticClients =
          map (client: {
            inherit (client) id name redirectURIs;
            secretEnv = "DEX_CLIENT_${lib.toUpper (lib.replaceStrings ["-"] ["_"] client.id)}";
          })
          cfg.clients;
        connectors = [
          {
            type = "ldap";
            id = "lldap";
            name = "Directory";
            config = {
              host = "127.0.0.1:${toString lldap.ldapPort}";
              insecureNoSSL = true;
              bindDN = "uid=${lldap.reader},ou=people,${lldap.baseDn}";
              # Dex replaces this by the environment variable.
              bindPW = "$LLDAP_READER_PASSWORD";
              userSearch = {
                baseDN = "ou=people,${lldap.baseDn}";
                username = "uid";
                idAttr = "uid";
                emailAttr = "mail";
                nameAttr = "displayName";
                preferredUsernameAttr = "uid";
              };
              groupSearch = {
                baseDN = "ou=groups,${lldap.baseDn}";
                filter = "(objectClass=groupOfUniqueNames)";
                userMatchers = [
                  {
                    userAttr = "DN";
                    groupAttr = "member";
                  }
                ];
                nameAttr = "cn";
              };
            };
          }
        ];
      };
    };

    systemd.services.dex = {
      after = ["postgresql.target" "lldap.service"];
      wants = ["postgresql.target" "lldap.service"];
      serviceConfig = {
        Restart = "on-failure";
        RestartSec = 5;
      };
    };

    assertions = [
      {
        assertion = lldap.enable;
        message = "pantheros.services.dex needs the directory on the same host, because LDAP listens only there: put [services.lldap] on the same host in fleet.toml";
      }
    ];
  };
}
