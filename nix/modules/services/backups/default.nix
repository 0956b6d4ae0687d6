# Backups of directories to B2: encrypted on the host, deduplicated, thinned out, and partly read back each week. The
# inventory names the directories at hosts and services; databases have dumps of their own.
{
  config,
  host,
  lib,
  pkgs,
  registry,
  ...
}: let
  cfg = config.pantheros.services.backup;
  secrets = config.pantheros.secrets;
  metrics = config.pantheros.services.alloy.textfiles;
  engine = import (./. + "/${cfg.engine}.nix") {inherit cfg host lib pkgs;};

  # Writes the time of the last success, for Prometheus.
  succeeded = name: ''
    printf '# TYPE %s gauge\n%s %s\n' ${name} ${name} "$(date +%s)" >${metrics}/.${name}.tmp
    chmod 644 ${metrics}/.${name}.tmp
    mv ${metrics}/.${name}.tmp ${metrics}/${name}.prom
  '';

  # A command for administrators, with the timer's engine, repository and password.
  program = pkgs.writeShellScriptBin "pantheros-backup" ''
    set -eu
    [ "$(id -u)" = 0 ] || { echo "pantheros-backup: reads root's secrets; run it with sudo" >&2; exit 1; }
    set -a
    . ${secrets.b2-backups.path}
    set +a
    ${lib.toShellVars engine.environment}
    export ${lib.concatStringsSep " " (lib.attrNames engine.environment)}
    CREDENTIALS_DIRECTORY=$(mktemp -d)
    export CREDENTIALS_DIRECTORY
    trap 'rm -rf "$CREDENTIALS_DIRECTORY"' EXIT
    install -m 0400 ${secrets.backup-password.path} "$CREDENTIALS_DIRECTORY/password"
    ${engine.setUp}
    ${engine.program} "$@"
  '';

  service = description: script: {
    inherit description;
    after = ["network-online.target"];
    wants = ["network-online.target"];
    path = [engine.package pkgs.coreutils pkgs.findutils];
    environment = engine.environment // {HOME = "/var/cache/pantheros-backup";};
    script = ''
      set -eu
      ${engine.setUp}
      ${script}
    '';
    serviceConfig = {
      Type = "oneshot";
      LoadCredential = ["password:${secrets.backup-password.path}"];
      EnvironmentFile = secrets.b2-backups.path;
      CacheDirectory = "pantheros-backup";
      CacheDirectoryMode = "0700";
      ProtectSystem = "strict";
      ReadWritePaths = [metrics];
      PrivateTmp = true;
      NoNewPrivileges = true;
      # It may read all files, and nothing more.
      CapabilityBoundingSet = ["CAP_DAC_READ_SEARCH"];
      Nice = 10;
      IOSchedulingClass = "idle";
      TimeoutStartSec = "12h";
    };
  };
  timer = at: {
    wantedBy = ["timers.target"];
    timerConfig = {
      OnCalendar = at;
      Persistent = true;
      RandomizedDelaySec = "30m";
    };
  };
in {
  options.pantheros.services.backup = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = cfg.paths != [] && host.provider.kind != "image";
      defaultText = lib.literalMD "whether the inventory names directories of this host or of its services";
      description = "Whether to back up to B2.";
    };
    engine = lib.mkOption {
      type = lib.types.enum ["rustic" "kopia"];
      default = "rustic";
      description = "Backup program. rustic's repositories have restic's format, so restic can read them; Kopia has a format of its own.";
    };
    paths = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = registry.hosts.${host.name}.backup;
      defaultText = lib.literalMD "`backup` of the host and of its services in the inventory";
      description = "Directories to back up.";
    };
    exclude = lib.mkOption {
      type = lib.types.listOf lib.types.singleLineStr;
      default = ["**/.cache" "**/node_modules" "**/lost+found"];
      description = "Patterns of files to leave out.";
    };
    bucket = lib.mkOption {
      type = lib.types.nullOr lib.types.str;
      default = registry.bucket host.environment "backups";
      defaultText = lib.literalMD "the bucket of this environment with `purpose = \"backups\"`";
      description = "Bucket of the repository, with a folder per host.";
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
      description = "Region of the bucket.";
    };
    at = lib.mkOption {
      type = lib.types.singleLineStr;
      default = "*-*-* 02:30:00";
      description = "When to back up (systemd.time(7)); after the database dumps.";
    };
    checkAt = lib.mkOption {
      type = lib.types.singleLineStr;
      default = "Sun *-*-* 05:00:00";
      description = "When to check the repository and read back a part of its data.";
    };
    keep = lib.mapAttrs (unit: default:
      lib.mkOption {
        type = lib.types.ints.unsigned;
        inherit default;
        description = "How many ${unit} snapshots are kept.";
      }) {
      daily = 7;
      weekly = 5;
      monthly = 12;
    };
  };

  config = lib.mkIf cfg.enable {
    pantheros.secrets = {
      b2-backups = {};
      backup-password = {};
    };
    environment.systemPackages = [program];
    environment.etc = engine.etc;
    systemd = {
      services = {
        pantheros-backup = service "Back up to B2" ''
          # Existing directories are backed up first; then the unit fails and names the missing ones.
          covered=0
          ${pkgs.runtimeShell} ${./covered.sh} ${lib.escapeShellArgs cfg.paths} || covered=1
          ${engine.backup}
          [ "$covered" = 0 ]
          ${succeeded "pantheros_backup_success_seconds"}
        '';
        pantheros-backup-check = service "Check the backup and read a part of it" ''
          ${engine.check}
          ${succeeded "pantheros_backup_check_success_seconds"}
        '';
      };
      timers = {
        pantheros-backup = timer cfg.at;
        pantheros-backup-check = timer cfg.checkAt;
      };
      tmpfiles.rules = ["d ${metrics} 0755 root root -"];
    };

    assertions = [
      {
        assertion = cfg.bucket != null && cfg.endpoint != null;
        message = "pantheros.services.backup: ${host.environment} has no bucket with purpose = \"backups\"; add one to fleet.toml (and [storage] region)";
      }
      {
        assertion = cfg.paths != [];
        message = "pantheros.services.backup.enable: nothing to back up; set backup of the host or of a service in fleet.toml";
      }
    ];
  };
}
