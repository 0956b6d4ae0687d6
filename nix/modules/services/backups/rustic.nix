# rustic: its profile names the repository; the password and B2's key are in the unit's environment.
{
  cfg,
  host,
  lib,
  pkgs,
}: let
  profile = {
    repository = {
      repository = "opendal:s3";
      cache-dir = "/var/cache/pantheros-backup";
      options = {
        inherit (cfg) bucket endpoint region;
        root = "/${host.name}";
      };
    };
    backup = {
      host = host.name;
      globs = map (pattern: "!${pattern}") cfg.exclude;
      exclude-if-present = [".nobackup" "CACHEDIR.TAG"];
      snapshots = [{sources = cfg.paths;}];
    };
    forget = {
      filter-hosts = [host.name];
      keep-daily = cfg.keep.daily;
      keep-weekly = cfg.keep.weekly;
      keep-monthly = cfg.keep.monthly;
    };
  };
in rec {
  package = pkgs.rustic;
  program = "${lib.getExe package} -P pantheros";
  environment = {};
  etc."rustic/pantheros.toml".source = (pkgs.formats.toml {}).generate "rustic.toml" profile;
  setUp = ''
    export RUSTIC_PASSWORD_FILE="$CREDENTIALS_DIRECTORY/password"
    export RUSTIC_NO_PROGRESS=true
  '';
  backup = ''
    # An existing repository is never initialized again.
    ${program} snapshots >/dev/null || ${program} init
    ${program} backup
    ${program} forget --prune
  '';
  check = ''
    # A different twentieth each week: a random part could miss a damaged pack for years.
    ${program} check --read-data --read-data-subset "$(($(date +%s) / 604800 % 20 + 1))/20"
  '';
}
