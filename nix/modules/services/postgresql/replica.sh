#!/bin/sh
# The replica of another host's PostgreSQL, in $PANTHEROS_REPLICA_DIRECTORY:
#   replica.sh run ARGUMENT…  copies the primary's databases, unless a copy is there, and starts postgres
#   replica.sh measure FILE   writes whether it receives changes, as a metric
# Variables: PANTHEROS_REPLICA_PRIMARY (HOST), _PORT, _SLOT, _PASSFILE (written from the file _PASSWORD), PGHOST.
set -eu
data=$PANTHEROS_REPLICA_DIRECTORY/data

# libpq's password file, whose fields are separated by colons. Source: PostgreSQL, "The Password File".
write_passfile() {
  umask 077
  # shellcheck disable=SC1003 # tr and sed get one backslash
  password=$(sed 's/[\\:]/\\&/g' "$PANTHEROS_REPLICA_PASSWORD")
  printf '*:*:*:replication:%s\n' "$password" >"$PANTHEROS_REPLICA_PASSFILE.new"
  mv "$PANTHEROS_REPLICA_PASSFILE.new" "$PANTHEROS_REPLICA_PASSFILE"
}

prepare() {
  [ ! -e "$data/PG_VERSION" ] || return 0
  # A copy that was interrupted is made again.
  rm -rf "$data.new"
  echo "copying the databases of $PANTHEROS_REPLICA_PRIMARY" >&2
  PGPASSFILE=$PANTHEROS_REPLICA_PASSFILE pg_basebackup --pgdata="$data.new" \
    --dbname="host=$PANTHEROS_REPLICA_PRIMARY port=$PANTHEROS_REPLICA_PORT user=replication" --no-password \
    --slot="$PANTHEROS_REPLICA_SLOT" --wal-method=stream --checkpoint=fast
  # With this file the server follows the primary; `pg_ctl promote` removes it.
  touch "$data.new/standby.signal"
  chmod 0700 "$data.new"
  sync -f "$data.new"
  mv "$data.new" "$data"
}

measure() {
  streaming=$(psql -XAtqd postgres -c "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'") || streaming=0
  printf '# TYPE pantheros_postgres_replica_streaming gauge\npantheros_postgres_replica_streaming %s\n' "$streaming" >"$1.tmp"
  chmod 644 "$1.tmp"
  mv "$1.tmp" "$1"
}

case $1 in
  run)
    shift
    write_passfile
    prepare
    exec postgres -D "$data" "$@"
    ;;
  measure) measure "$2" ;;
  *)
    echo "usage: replica.sh run [ARGUMENT…] | measure FILE" >&2
    exit 2
    ;;
esac
