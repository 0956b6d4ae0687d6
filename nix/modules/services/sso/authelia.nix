# Authelia decides for the gateways whether a request may pass, by the registry's rules; all others are denied.
{
  config,
  fleet,
  lib,
  registry,
  ...
}: let
  cfg = config.pantheros.services.authelia;
  lldap = config.pantheros.services.lldap;
  secrets = config.pantheros.secrets;
  unit = "authelia-main";
  credentials = "/run/credentials/${unit}.service";
  wanted = {
    jwt = "authelia-jwt-secret";
    session = "authelia-session-secret";
    storage = "authelia-storage-key";
    ldap = "lldap-reader-password";
  };
in {
  options.pantheros.services.authelia =
    import ../../../lib/service-options.nix {inherit lib;} {
      description = "the sign-on server Authelia";
      port = 9091;
    }
    // {
      sessionHours = lib.mkOption {
        type = lib.types.ints.positive;
        default = 12;
        description = "Hours after which a session ends.";
      };
      idleMinutes = lib.mkOption {
        type = lib.types.ints.positive;
        default = 60;
        description = "Minutes without a request after which a session ends.";
      };
      smtp = lib.mkOption {
        type = lib.types.nullOr lib.types.singleLineStr;
        default = null;
        example = "submissions://smtp.example.test:465";
        description = "Mail server; when null, mails are written to a file in the service's state directory. The secret `authelia-smtp` has its user name and password as environment variables.";
      };
    };

  config = lib.mkIf cfg.enable {
    pantheros.secrets =
      lib.mapAttrs' (_: secret: lib.nameValuePair secret {services = [unit];}) wanted
      // lib.optionalAttrs (cfg.smtp != null) {authelia-smtp.services = [unit];};
    pantheros.services.postgresql.databases = [unit];

    services.authelia.instances.main = {
      enable = true;
      # The unit's own credentials, loaded below. Given as `secrets`, newer modules would load them a
      # second time, before the files exist (nixpkgs, pull request 514097).
      secrets.manual = true;
      environmentVariables = {
        AUTHELIA_IDENTITY_VALIDATION_RESET_PASSWORD_JWT_SECRET_FILE = "${credentials}/jwt";
        AUTHELIA_SESSION_SECRET_FILE = "${credentials}/session";
        AUTHELIA_STORAGE_ENCRYPTION_KEY_FILE = "${credentials}/storage";
        AUTHELIA_AUTHENTICATION_BACKEND_LDAP_PASSWORD_FILE = "${credentials}/ldap";
      };
      settings = {
        theme = "auto";
        default_2fa_method = "webauthn";
        log = {
          level = "info";
          format = "text";
        };
        server.address = "tcp://${cfg.listen}:${toString cfg.port}/";
        totp.issuer = fleet.domain;
        webauthn.display_name = fleet.domain;
        authentication_backend = {
          # Passwords are changed in the directory.
          password_change.disable = true;
          password_reset.disable = true;
          ldap = {
            implementation = "lldap";
            address = "ldap://127.0.0.1:${toString lldap.ldapPort}";
            base_dn = lldap.baseDn;
            user = "uid=${lldap.reader},ou=people,${lldap.baseDn}";
          };
        };
        session = {
          cookies = [
            {
              domain = fleet.zone;
              authelia_url = "https://${registry.nameFor "authelia"}";
              expiration = "${toString cfg.sessionHours} hours";
              inactivity = "${toString cfg.idleMinutes} minutes";
              remember_me = -1;
            }
          ];
          redis = {
            host = config.services.redis.servers.${unit}.unixSocket;
            port = 0;
          };
        };
        storage.postgres = {
          address = "unix:///run/postgresql";
          database = unit;
          username = unit;
          # Authelia requires a password; PostgreSQL ignores it and authenticates by the socket's user.
          password = "peer";
        };
        access_control = {
          default_policy = "deny";
          rules = registry.accessRules;
        };
        regulation = {
          max_retries = 3;
          find_time = "2 minutes";
          ban_time = "10 minutes";
        };
        notifier =
          if cfg.smtp == null
          then {filesystem.filename = "/var/lib/${unit}/notifications";}
          else {
            smtp = {
              address = cfg.smtp;
              sender = "Authelia <auth@${fleet.domain}>";
            };
          };
      };
    };

    services.redis.servers.${unit} = {
      enable = true;
      port = 0;
      user = unit;
    };

    systemd.services.${unit} = {
      after = ["postgresql.service" "postgresql.target" "lldap.service" "pantheros-directory-groups.service" "redis-${unit}.service"];
      requires = ["postgresql.service" "redis-${unit}.service"];
      wants = ["lldap.service" "pantheros-directory-groups.service" "postgresql.target"];
      serviceConfig =
        {LoadCredential = lib.mapAttrsToList (name: secret: "${name}:${secrets.${secret}.path}") wanted;}
        // lib.optionalAttrs (cfg.smtp != null) {EnvironmentFile = secrets.authelia-smtp.path;};
    };

    assertions = [
      {
        # Authelia's own validation refuses a default of deny without any rule.
        assertion = registry.accessRules != [];
        message = "pantheros.services.authelia: no service of the fleet has auth = \"sso\", and Authelia refuses to start without a rule: give a public service auth = \"sso\", or remove [services.*] with module = \"authelia\" from fleet.toml";
      }
      {
        assertion = lldap.enable;
        message = "pantheros.services.authelia needs the directory on the same host, because LDAP listens only there: put [services.lldap] on the same host in fleet.toml";
      }
    ];
  };
}
