# The directory: people, their passwords, their groups. LDAP itself never leaves this host.
{
  config,
  fleet,
  lib,
  registry,
  ...
}: let
  cfg = config.pantheros.services.lldap;
  secrets = config.pantheros.secrets;
  credentials = "/run/credentials/lldap.service";
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
        description = "Port for LDAP, on this host alone.";
      };
      baseDn = lib.mkOption {
        type = lib.types.singleLineStr;
        default = lib.concatMapStringsSep "," (part: "dc=${part}") (lib.splitString "." fleet.domain);
        defaultText = lib.literalMD "the fleet's domain: `dc=example,dc=test`";
        description = "Root of the tree.";
      };
    };

  config = lib.mkIf cfg.enable {
    pantheros.secrets = {
      lldap-jwt-secret.services = ["lldap"];
      lldap-admin-password.services = ["lldap"];
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
        # The password of the secret is the administrator's at every start: rotating the secret is enough.
        force_ldap_user_pass_reset = "always";
        database_url = "postgresql:///lldap?host=/run/postgresql";
      };
      environment.LLDAP_JWT_SECRET_FILE = "${credentials}/jwt";
      # The groups that sign-on asks for; who is in them is decided in the directory.
      ensureGroups = lib.genAttrs registry.groups (_: {});
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
  };
}
