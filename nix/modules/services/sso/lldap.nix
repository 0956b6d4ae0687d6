# The directory: people, their passwords and their groups. LDAP is reachable only from this host.
{
  config,
  fleet,
  lib,
  pkgs,
  registry,
  ...
}: let
  cfg = config.pantheros.services.lldap;
  secrets = config.pantheros.secrets;
  credentials = "/run/credentials/lldap.service";
  hardening = import ../../../lib/hardening.nix;
in {
  options.pantheros.services.lldap =
    import ../../../lib/service-options.nix {inherit lib;} {
      description = "the directory LLDAP";
      port = 17170;
    }
    // {
      ldapPort = lib.mkOption {
        type = lib.types.port;
        default = 3890;
        description = "Port for LDAP, on loopback.";
      };
      baseDn = lib.mkOption {
        type = lib.types.singleLineStr;
        default = lib.concatMapStringsSep "," (part: "dc=${part}") (lib.splitString "." fleet.domain);
        defaultText = lib.literalMD "the fleet's domain: `dc=example,dc=test`";
        description = "Base DN of the directory.";
      };
      reader = lib.mkOption {
        type = lib.types.strMatching "[a-z][a-z0-9-]*";
        default = "sign-on";
        description = "Account that Authelia and Dex read the directory with; it can change nothing. The secret `lldap-reader-password` is its password.";
      };
    };

  config = lib.mkIf cfg.enable {
    pantheros.secrets = {
      lldap-jwt-secret.services = ["lldap"];
      lldap-admin-password.services = ["lldap"];
      # When this secret changes, the service sets the account's password again.
      lldap-reader-password.services = ["pantheros-directory-groups"];
    };
    pantheros.services.postgresql.databases = ["lldap"];

    services.lldap = {
      enable = true;
      settings = {
        ldap_host = "127.0.0.1";
        ldap_port = cfg.ldapPort;
        http_host = cfg.listen;
        http_port = cfg.port;
        http_url = "http://127.0.0.1:${toString cfg.port}";
        ldap_base_dn = cfg.baseDn;
        ldap_user_dn = "admin";
        ldap_user_email = "admin@${fleet.domain}";
        ldap_user_pass_file = "${credentials}/admin";
        # The administrator's password is set from the secret at every start, so rotating the secret is enough.
        force_ldap_user_pass_reset = "always";
        database_url = "postgresql:///lldap?host=/run/postgresql";
      };
      environment.LLDAP_JWT_SECRET_FILE = "${credentials}/jwt";
    };

    systemd.services.lldap = {
      after = ["postgresql.service" "postgresql.target"];
      requires = ["postgresql.service"];
      wants = ["postgresql.target"];
      serviceConfig = {
        LoadCredential = [
          "jwt:${secrets.lldap-jwt-secret.path}"
          "admin:${secrets.lldap-admin-password.path}"
        ];
        Restart = "on-failure";
        RestartSec = 5;
      };
    };

    # The groups and the reader of sign-on, for which NixOS has no option.
    systemd.services.pantheros-directory-groups = {
      description = "Create the directory's groups and reader for single sign-on";
      wantedBy = ["multi-user.target"];
      after = ["lldap.service"];
      wants = ["lldap.service"];
      path = [pkgs.curl pkgs.jq pkgs.openldap];
      environment = {
        PANTHEROS_LLDAP_URL = "http://127.0.0.1:${toString cfg.port}";
        PANTHEROS_LLDAP_LDAP = "ldap://127.0.0.1:${toString cfg.ldapPort}";
        PANTHEROS_LLDAP_PEOPLE = "ou=people,${cfg.baseDn}";
        PANTHEROS_LLDAP_PASSWORD = "%d/admin";
        PANTHEROS_LLDAP_READER = cfg.reader;
        PANTHEROS_LLDAP_READER_PASSWORD = "%d/reader";
      };
      serviceConfig =
        hardening.serviceConfig
        // {
          Type = "oneshot";
          RemainAfterExit = true;
          DynamicUser = true;
          ExecStart = "${pkgs.runtimeShell} ${./groups.sh} ${lib.escapeShellArgs registry.groups}";
          LoadCredential = [
            "admin:${secrets.lldap-admin-password.path}"
            "reader:${secrets.lldap-reader-password.path}"
          ];
          PrivateTmp = true;
          TimeoutStartSec = "3min";
          # Until the secret arrives.
          Restart = "on-failure";
          RestartSec = 10;
        };
    };
  };
}
