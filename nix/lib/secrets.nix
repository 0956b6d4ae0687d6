# What systemd is told about secrets and their readers. Pure: the sandbox's hosts have the same units.
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

  # secrets: [{path, services}]. fetcher: {unit, token}, the unit that brings secrets with the token in a file; or null.
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
    # For act.sh.
    table = concatStringsSep "" (map ({
      path,
      units,
    }: "${concatStringsSep " " ([path] ++ units)}\n")
    watched);

    # Unit -> its [Unit] section. EnvironmentFile= and LoadCredential= fail where there is no file, so a unit is skipped until its
    # files are there, and act.sh starts it then. Source: systemd.unit(5), systemd.exec(5).
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
      # Told of a rename and of a change of mode too (path.c of systemd), so act.sh compares contents.
      Path.PathChanged = map (each: each.path) watched;
    };
    service = {
      Unit = {
        Description = "Act on secrets that changed";
        # However often it is asked.
        StartLimitIntervalSec = 0;
        # At boot it sees what is there before anybody reads it, so that whatever comes later is known for new. The order also keeps
        # systemd from forgetting that a reader was skipped: units that nothing names are dropped from its memory.
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
    # Runs before what is ordered after the fetcher: a secret that its reader has not read yet restarts nobody.
    fetcherService = {ExecStartPost = program;};
  };
}
