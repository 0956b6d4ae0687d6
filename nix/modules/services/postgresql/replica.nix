# A replica of another host's PostgreSQL: a copy that follows every change, for a quick recovery and for reading. It is a
# server of its own beside the host's PostgreSQL, on a socket in /run/postgresql-replica, and dumps continue to be the backup.
{
  config,
  fleet,
  host,
  lib,
  pkgs,
  registry,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros.services.postgresql-replica;
  files = import ../../../lib/postgresql.nix;
  package = config.services.postgresql.package;
  secret = "postgres-replication-password";
  unit = "pantheros-postgresql-replica";
  directory = "/var/lib/postgresql-replica";
  run = "/run/postgresql-replica";
  primary = registry.primaryOf cfg.primary;
  conninfo = "host=${registry.nameOf cfg.primary} port=${toString (primary.port or 5432)} user=replication passfile=${run}/passfile";
  settings = files.replica.settings {
    inherit conninfo run;
    inherit (cfg) port sharedBuffersMb;
    slot = registry.slotOf host.name;
  };
  arguments = lib.escapeShellArgs [
    "-c"
    "config_file=${pkgs.writeText "postgresql-replica.conf" settings}"
    "-c"
    "hba_file=${pkgs.writeText "pg_hba-replica.conf" files.replica.authentication}"
    "-c"
    "ident_file=${pkgs.writeText "pg_ident-replica.conf" files.replica.identMap}"
  ];
  environment = {
    PANTHEROS_REPLICA_DIRECTORY = directory;
    PANTHEROS_REPLICA_PRIMARY = registry.nameOf cfg.primary;
    PANTHEROS_REPLICA_PORT = toString (primary.port or 5432);
    PANTHEROS_REPLICA_SLOT = registry.slotOf host.name;
    PANTHEROS_REPLICA_PASSWORD = "%d/password";
    PANTHEROS_REPLICA_PASSFILE = "${run}/passfile";
    PGHOST = run;
    PGUSER = "postgres";
    PGPORT = toString cfg.port;
  };
  metrics = config.pantheros.services.alloy.textfiles;
in {
  options.pantheros.services.postgresql-replica =
    import ../../../lib/service-options.nix {inherit lib;} {
      description = "a replica of another host's PostgreSQL";
      port = 5433;
    }
    // {
      primary = mkOption {
        type = types.str;
        description = "Host whose databases are copied.";
      };
      sharedBuffersMb = mkOption {
        type = types.ints.positive;
        default = 128;
        description = "Megabytes of memory for cached pages.";
      };
    };

  config = lib.mkIf cfg.enable {
    pantheros.secrets.${secret}.services = [unit];
    users.users.postgres-replica = {
      isSystemUser = true;
      group = "postgres-replica";
    };
    users.groups.postgres-replica = {};

    systemd = {
      services.${unit} = {
        description = "PostgreSQL that follows ${cfg.primary}";
        wantedBy = ["multi-user.target"];
        after = ["network-online.target" "tailscaled.service"];
        wants = ["network-online.target"];
        path = [package pkgs.coreutils pkgs.gnused];
        inherit environment;
        # The primary may be away for longer than any limit of starts.
        startLimitIntervalSec = 0;
        serviceConfig = {
          # Started as soon as the program runs: a deploy must not wait until the databases are copied.
          Type = "exec";
          User = "postgres-replica";
          ExecStart = "${pkgs.runtimeShell} ${./replica.sh} run ${arguments}";
          ExecReload = "${pkgs.coreutils}/bin/kill -HUP $MAINPID";
          KillSignal = "SIGINT";
          KillMode = "mixed";
          LoadCredential = ["password:${config.pantheros.secrets.${secret}.path}"];
          StateDirectory = "postgresql-replica";
          StateDirectoryMode = "0700";
          RuntimeDirectory = "postgresql-replica";
          Restart = "on-failure";
          RestartSec = 15;
          TimeoutStopSec = "2min";
          ProtectSystem = "strict";
          ProtectHome = true;
          PrivateTmp = true;
          NoNewPrivileges = true;
        };
      };
      services."${unit}-metrics" = {
        description = "Whether the replica receives changes";
        path = [package pkgs.coreutils];
        inherit environment;
        serviceConfig = {
          Type = "oneshot";
          ExecStart = "${pkgs.runtimeShell} ${./replica.sh} measure ${metrics}/postgres-replica.prom";
          ProtectSystem = "strict";
          ReadWritePaths = [metrics];
        };
      };
      timers."${unit}-metrics" = {
        wantedBy = ["timers.target"];
        timerConfig = {
          OnBootSec = "2min";
          OnUnitActiveSec = "1min";
        };
      };
      tmpfiles.rules = ["d ${metrics} 0755 root root -"];
    };

    assertions = [
      {
        assertion = fleet.hosts ? ${cfg.primary};
        message = "pantheros.services.postgresql-replica.primary: \"${cfg.primary}\" is no host of fleet.toml; hosts are ${lib.concatStringsSep ", " (lib.attrNames fleet.hosts)}";
      }
      {
        assertion = cfg.primary != host.name;
        message = "pantheros.services.postgresql-replica.primary: ${host.name} cannot be its own replica; name another host";
      }
      {
        assertion = primary != null || !fleet.hosts ? ${cfg.primary};
        message = "pantheros.services.postgresql-replica.primary: PostgreSQL of ${cfg.primary} listens on no address; add [services.postgresql] with host = \"${cfg.primary}\", port = 5432 and protocol = \"tcp\" to fleet.toml";
      }
    ];
  };
}
