# Kopia connects to the repository at each run, so that its configuration has no password.
{
  cfg,
  host,
  lib,
  pkgs,
}: let
  where = lib.escapeShellArgs [
    "s3"
    "--bucket=${toString cfg.bucket}"
    "--endpoint=${lib.removePrefix "https://" (toString cfg.endpoint)}"
    "--region=${toString cfg.region}"
    "--prefix=${host.name}/"
    "--override-hostname=${host.name}"
    "--override-username=root"
    "--cache-directory=/var/cache/pantheros-backup/cache"
  ];
  sources = lib.escapeShellArgs cfg.paths;
in rec {
  package = pkgs.kopia;
  program = lib.getExe package;
  environment = {
    KOPIA_CONFIG_PATH = "/var/cache/pantheros-backup/repository.config";
    KOPIA_CHECK_FOR_UPDATES = "false";
    KOPIA_PERSIST_CREDENTIALS_ON_CONNECT = "false";
  };
  etc = {};
  # AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are in the environment, because every user can read arguments.
  setUp = ''
    KOPIA_PASSWORD=$(cat "$CREDENTIALS_DIRECTORY/password")
    export KOPIA_PASSWORD
    ${program} repository connect ${where} || ${program} repository create ${where}
  '';
  backup = ''
    ${program} policy set --global --compression=zstd \
      --keep-latest=0 --keep-hourly=0 --keep-annual=0 \
      --keep-daily=${toString cfg.keep.daily} --keep-weekly=${toString cfg.keep.weekly} --keep-monthly=${toString cfg.keep.monthly} \
      ${lib.escapeShellArgs (lib.concatMap (pattern: ["--add-ignore" pattern]) cfg.exclude)}
    ${program} snapshot create ${sources}
    ${program} maintenance run
  '';
  check = ''
    ${program} snapshot verify --verify-files-percent=5
  '';
}
