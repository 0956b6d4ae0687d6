# A daily dump of every database: read back, encrypted, uploaded to B2 and verified there;
# `pantheros-postgres` fetches and restores dumps.
{
  config,
  host,
  lib,
  pkgs,
  registry,
  ...
}: let
  postgres = config.pantheros.services.postgresql;
  cfg = postgres.dump;
  secrets = config.pantheros.secrets;

  program = pkgs.writeTextFile {
    name = "pantheros-postgres";
    executable = true;
    destination = "/bin/pantheros-postgres";
    text =
      ''
        #!${pkgs.runtimeShell}
        PATH=${lib.makeBinPath [config.services.postgresql.package pkgs.coreutils pkgs.gnugrep pkgs.gnused pkgs.rclone pkgs.util-linux]}
        export PATH
        : "''${PANTHEROS_DUMP_PASSWORD:=${secrets.backup-password.path}}"
        : "''${PANTHEROS_DUMP_CREDENTIALS:=${secrets.b2-dumps.path}}"
      ''
      + lib.concatStrings (lib.mapAttrsToList (name: value: ": \"\${${name}:=${value}}\"\n") settings)
      + lib.removePrefix "#!/bin/sh\n" (builtins.readFile ./dump.sh);
    meta = {
      description = "Dumps, lists, verifies and restores the databases of this host";
      mainProgram = "pantheros-postgres";
    };
  };

  settings = {
    PANTHEROS_DUMP_DATABASES = lib.concatStringsSep " " postgres.databases;
    PANTHEROS_DUMP_TO = "${cfg.target}/${host.name}";
    PANTHEROS_DUMP_ENDPOINT = toString cfg.endpoint;
    PANTHEROS_DUMP_REGION = toString cfg.region;
    PANTHEROS_DUMP_KEEP_DAYS = toString cfg.keepDays;
    PANTHEROS_DUMP_METRICS = config.pantheros.services.alloy.textfiles;
  };
in {
  options.pantheros.services.postgresql.dump = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = postgres.enable && host.provider.kind != "image";
      defaultText = lib.literalMD "whether PostgreSQL runs here, but for images";
      description = "Whether to dump the databases every day.";
    };
    at = lib.mkOption {
      type = lib.types.singleLineStr;
      default = "*-*-* 01:15:00";
      description = "When to dump (systemd.time(7)).";
    };
    keepDays = lib.mkOption {
      type = lib.types.ints.positive;
      default = 30;
      description = "Days that a dump is kept. The bucket keeps deleted dumps some days longer, in case a host is compromised.";
    };
    target = lib.mkOption {
      type = lib.types.nullOr lib.types.str;
      default = let
        bucket = registry.bucket host.environment "postgres";
      in
        if bucket == null
        then null
        else "store:${bucket}";
      defaultText = lib.literalMD "the bucket of this environment with `purpose = \"postgres\"`";
      description = "rclone path of the dumps: `store:` and a bucket at the endpoint, or a directory.";
    };
    endpoint = lib.mkOption {
      type = lib.types.nullOr lib.types.str;
      default = registry.endpoint;
      defaultText = lib.literalMD "B2's endpoint in the inventory's region";
      description = "S3 endpoint of the bucket.";
    };
    region = lib.mkOption {
      type = lib.types.nullOr lib.types.str;
      default = registry.region;
      defaultText = lib.literalMD "the inventory's region";
      description = "Region of that endpoint.";
    };
  };

  config = lib.mkIf cfg.enable {
    pantheros.secrets = {
      b2-dumps = {};
      backup-password = {};
    };
    environment.systemPackages = [program];

    systemd.services.pantheros-postgres-dump = {
      description = "Dump the databases, verify the dumps and upload them to B2";
      after = ["postgresql.service" "postgresql.target" "network-online.target"];
      wants = ["network-online.target"];
      requires = ["postgresql.service"];
      environment = {
        PANTHEROS_DUMP_PASSWORD = "%d/password";
        PANTHEROS_DUMP_CREDENTIALS = "%d/b2";
      };
      serviceConfig = {
        Type = "oneshot";
        ExecStart = "${lib.getExe program} dump";
        LoadCredential = [
          "password:${secrets.backup-password.path}"
          "b2:${secrets.b2-dumps.path}"
        ];
        # Root, to use the socket as postgres and to write the metrics; all other paths are read-only.
        PrivateTmp = true;
        ProtectSystem = "strict";
        ProtectHome = true;
        NoNewPrivileges = true;
        ReadWritePaths = [config.pantheros.services.alloy.textfiles];
        Nice = 10;
        IOSchedulingClass = "idle";
        TimeoutStartSec = "4h";
      };
    };
    systemd.timers.pantheros-postgres-dump = {
      wantedBy = ["timers.target"];
      timerConfig = {
        OnCalendar = cfg.at;
        Persistent = true;
        RandomizedDelaySec = "10m";
      };
    };
    systemd.tmpfiles.rules = ["d ${config.pantheros.services.alloy.textfiles} 0755 root root -"];

    assertions = [
      {
        assertion = cfg.target != null;
        message = "pantheros.services.postgresql.dump: ${host.environment} has no bucket with purpose = \"postgres\"; add one to fleet.toml, or set dump.target";
      }
    ];
  };
}
