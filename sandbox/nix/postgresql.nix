# PostgreSQL on a sandbox host: the settings, the roles and `pantheros-postgres` of the real hosts
# (nix/modules/services/postgresql/), with programs from Debian (sandbox/image/postgresql.ts).
{
  text,
  host,
  fleet,
  site,
  files, # nix/lib/postgresql.nix
  dump, # text: nix/modules/services/postgresql/dump.sh
}: let
  inherit (builtins) appendContext attrValues concatStringsSep filter head match toString;

  databases = host.extra.databases or [];

  programs = let
    path =
      site.postgresql
      or (throw "hosts.${host.name}.extra.databases: this sandbox has no PostgreSQL yet; `tools/pantheros sandbox up` adds it");
  in
    # A store path of the runner: the context makes it part of the system's closure.
    appendContext path {${path} = {path = true;};};

  checked = name:
    if match "[a-z][a-z0-9_]*" name == null
    then throw "hosts.${host.name}.extra.databases: \"${name}\" must consist of small letters, digits and _"
    else name;
  names = concatStringsSep " " (map checked databases);

  bucket = let
    found = filter (bucket: bucket.environment == host.environment && bucket.purpose == "postgres") (attrValues fleet.buckets);
  in
    if found == []
    then throw "hosts.${host.name}.extra.databases: ${host.environment} has no bucket with purpose = \"postgres\""
    else (head found).name;

  settings = files.settings {sharedBuffersMb = 16;};
  valueOf = value:
    if builtins.isString value
    then "'${value}'"
    else toString value;
  configuration =
    text "postgresql.conf" (concatStringsSep "" (map (key: "${key} = ${valueOf settings.${key}}\n") (builtins.attrNames settings)
        ++ ["unix_socket_directories = '/run/postgresql'\n"]));
  access = text "pg_hba.conf" files.authentication;
  accounts = text "pg_ident.conf" files.identMap;

  environment = ''
    PATH=${programs}/bin:/usr/sbin:/usr/bin:/sbin:/bin
    LD_LIBRARY_PATH=${programs}/lib
    export PATH LD_LIBRARY_PATH
  '';
  data = "/var/lib/postgresql/data";
  # A cluster is complete once it has its final name.
  prepare = text "postgresql-prepare" ''
    set -eu
    ${environment}
    if [ ! -d ${data} ]; then
      rm -rf ${data}.part
      initdb --pgdata=${data}.part --username=postgres --auth=peer --locale=C.UTF-8 --encoding=UTF8 --no-sync
      mv ${data}.part ${data}
    fi
    install -m 0600 ${configuration} ${data}/postgresql.conf
    install -m 0600 ${access} ${data}/pg_hba.conf
    install -m 0600 ${accounts} ${data}/pg_ident.conf
  '';
  ensure = text "postgresql-ensure" ''
    set -eu
    ${environment}
    sql() { psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --dbname=postgres --command="$1"; }
    for name in ${names}; do
      [ "$(sql "select 1 from pg_roles where rolname = '$name'")" = 1 ] || sql "create role \"$name\" login"
      [ "$(sql "select 1 from pg_database where datname = '$name'")" = 1 ] ||
        sql "create database \"$name\" owner \"$name\" template template0"
    done
  '';
  secret = name: "/var/lib/pantheros/secrets/${name}";
  exported = {
    PANTHEROS_DUMP_PASSWORD = secret "backup-password";
    PANTHEROS_DUMP_CREDENTIALS = secret "b2-dumps";
    PANTHEROS_DUMP_DATABASES = names;
    PANTHEROS_DUMP_TO = "store:${bucket}/${host.name}";
    PANTHEROS_DUMP_ENDPOINT = site.s3;
    PANTHEROS_DUMP_REGION = fleet.region;
    PANTHEROS_DUMP_KEEP_DAYS = "30";
    PANTHEROS_DUMP_METRICS = "";
  };
in
  if databases == []
  then {
    units = {};
    programs = {};
    accounts = "";
  }
  else {
    accounts = "postgres\t/usr/sbin/nologin\n";
    units."postgresql.service" = ''
      [Unit]
      Description=PostgreSQL
      After=network.target
      [Service]
      Type=notify
      User=postgres
      StateDirectory=postgresql
      StateDirectoryMode=0700
      RuntimeDirectory=postgresql
      Environment=LD_LIBRARY_PATH=${programs}/lib
      ExecStartPre=/bin/sh ${prepare}
      ExecStart=${programs}/bin/postgres -D ${data}
      ExecStartPost=/bin/sh ${ensure}
      KillMode=mixed
      KillSignal=SIGINT
      Restart=on-failure
      RestartSec=1
    '';
    # name -> text; as in nix/modules/services/postgresql/dump.nix.
    programs = {
      pantheros-postgres =
        "#!/bin/sh\n"
        + environment
        + concatStringsSep "" (map (name: ": \"\${${name}:=${exported.${name}}}\"\n") (builtins.attrNames exported))
        + dump;
      psql = ''
        #!/bin/sh
        ${environment}
        exec psql "$@"
      '';
    };
  }
