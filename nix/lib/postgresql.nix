# PostgreSQL's settings and who may connect. Pure; `services.postgresql` of the machines, and replicas.
let
  inherit (builtins) concatStringsSep map replaceStrings toString;
  # A text in postgresql.conf or SQL.
  quoted = value: "'${replaceStrings ["'"] ["''"] value}'";
in {
  # Through the socket, as the system user with the role's name; root may also be postgres.
  authentication = ''
    local all postgres peer map=postgres
    local all all peer
  '';
  identMap = ''
    postgres root postgres
    postgres postgres postgres
  '';
  settings = {sharedBuffersMb}: {
    shared_buffers = "${toString sharedBuffersMb}MB";
    listen_addresses = "";
    log_min_duration_statement = 1000;
  };

  # The primary's side of replication. Source: PostgreSQL, "Log-Shipping Standby Servers".
  replication = {
    authentication = sources: concatStringsSep "" (map (source: "host replication replication ${source} scram-sha-256\n") sources);
    settings = {keepGb}: {
      wal_level = "replica";
      password_encryption = "scram-sha-256";
      # A replica that stays away may not fill the primary's disk.
      max_slot_wal_keep_size = "${toString keepGb}GB";
    };
    # For psql, which reads the password itself, so that it is in no command line and no log.
    sql = slots:
      ''
        SET log_statement = 'none';
        SET log_min_duration_statement = -1;
        \set password `cat "$CREDENTIALS_DIRECTORY/password"`
        SELECT count(*) = 0 AS missing FROM pg_roles WHERE rolname = 'replication' \gset
        \if :missing
          CREATE ROLE replication LOGIN REPLICATION;
        \endif
        ALTER ROLE replication PASSWORD :'password';
      ''
      + concatStringsSep "" (map (slot: "SELECT pg_create_physical_replication_slot(${quoted slot}, true) WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = ${quoted slot});\n") slots);
  };

  # A replica: postgresql.conf, pg_hba.conf and pg_ident.conf. Root and its own system user are superuser through the
  # socket; others read what the databases allow them to.
  replica = {
    settings = {
      conninfo,
      port,
      run,
      sharedBuffersMb,
      slot,
    }: ''
      listen_addresses = '''
      port = ${toString port}
      unix_socket_directories = ${quoted run}
      shared_buffers = ${quoted "${toString sharedBuffersMb}MB"}
      hot_standby = on
      primary_conninfo = ${quoted conninfo}
      primary_slot_name = ${quoted slot}
      wal_receiver_timeout = 30s
    '';
    authentication = ''
      local all postgres peer map=postgres
      local all all peer
    '';
    identMap = ''
      postgres root postgres
      postgres postgres-replica postgres
      postgres postgres postgres
    '';
  };
}
