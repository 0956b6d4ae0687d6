# systemd units for secrets and the units that read them. Pure: the sandbox's hosts have the same units.
let
  inherit (builtins) concatMap concatStringsSep elem filter foldl' listToAttrs map match;

  unique = foldl' (known: item:
    if elem item known
    then known
    else known ++ [item]) [];
  unitName = name:
    if match ".*\\.[a-z]+" name != null
    then name
    else "${name}.service";
in {
  inherit unitName;

  # secrets: [{path, services}]. fetcher: {unit, token}, the unit that fetches secrets with the token in
  # a file; or null.
  unitsFor = {
    secrets,
    fetcher,
    program, # act.sh, as a command line
  }: let
    read = filter (secret: secret.services != []) secrets;
    readers = unique (concatMap (secret: map unitName secret.services) read);
    pathsOf = unit: map (secret: secret.path) (filter (secret: elem unit (map unitName secret.services)) read);
    watched =
      map (secret: {
        inherit (secret) path;
        units = map unitName secret.services;
      })
      read
      ++ (
        if fetcher == null
        then []
        else [
          {
            path = fetcher.token;
            units = [fetcher.unit];
          }
        ]
      );
  in {
    # Input of act.sh.
    table = concatStringsSep "" (map ({
      path,
      units,
    }: "${concatStringsSep " " ([path] ++ units)}\n")
    watched);

    # Unit -> its [Unit] section. EnvironmentFile= and LoadCredential= fail without the file, so a unit is skipped
    # until its files exist, and act.sh starts it then. Source: systemd.unit(5), systemd.exec(5).
    readers = listToAttrs (map (unit: {
        name = unit;
        value = {
          ConditionPathExists = pathsOf unit;
          After =
            if fetcher == null
            then []
            else [fetcher.unit];
          Wants =
            if fetcher == null
            then []
            else [fetcher.unit];
        };
      })
      readers);

    path = {
      Unit.Description = "Secrets of this host, and the token that they are fetched with";
      # It also triggers on a rename or a change of mode (path.c of systemd), so act.sh compares the contents.
      Path.PathChanged = map (each: each.path) watched;
    };
    service = {
      Unit = {
        Description = "Act on secrets that changed";
        # There is no limit on how often it runs.
        StartLimitIntervalSec = 0;
        # At boot it records the secrets before their readers start, so that it recognizes later changes. The order
        # also keeps skipped readers in systemd's memory, which drops units that no other unit names.
        Before =
          (
            if fetcher == null
            then []
            else [fetcher.unit]
          )
          ++ readers;
      };
      Service = {
        Type = "oneshot";
        ExecStart = program;
      };
    };
    # Runs before the units that are ordered after the fetcher, so a secret that its reader has not read
    # yet restarts nothing.
    fetcherService = {ExecStartPost = program;};
  };
}
