#!/bin/sh
# Makes, verifies, encrypts and stores dumps of a host's databases in object storage; lists, fetches and
# restores them. Settings are in the environment (postgresql/dump.nix writes them before this text):
#   PANTHEROS_DUMP_DATABASES    names, separated by blanks
#   PANTHEROS_DUMP_TO           rclone path of this host's dumps: "store:BUCKET/HOST" or a directory
#   PANTHEROS_DUMP_ENDPOINT     S3 endpoint of "store:"
#   PANTHEROS_DUMP_REGION       region of that endpoint, such as eu-central-003
#   PANTHEROS_DUMP_KEEP_DAYS    days a dump is kept
#   PANTHEROS_DUMP_PASSWORD     file with the password that encrypts dumps
#   PANTHEROS_DUMP_CREDENTIALS  file with AWS_ACCESS_KEY_ID=… and AWS_SECRET_ACCESS_KEY=…
#   PANTHEROS_DUMP_METRICS      directory for Prometheus' text files, or empty
set -eu
umask 077

usage() {
  cat <<'EOF'
usage: pantheros-postgres dump                          dump all databases, check the dumps, store them, drop old ones
       pantheros-postgres list [DATABASE]               stored dumps, oldest first
       pantheros-postgres fetch DATABASE FILE [--at T]  a dump (the latest, or the one of time T) as a file for pg_restore
       pantheros-postgres globals FILE [--at T]         the stored roles and their rights, as SQL for psql
       pantheros-postgres restore DATABASE [--at T] [--replace]
                                                        restore into a new database DATABASE_restored_NOW; with --replace
                                                        replace DATABASE, which is kept as DATABASE_before_NOW
EOF
}

die() {
  echo "pantheros-postgres: $*" >&2
  exit 1
}
say() { echo "$(date -u +%H:%M:%S) $*" >&2; }

# Runs as PostgreSQL's user when root calls, because the socket accepts the superuser by that name, and
# so that files do not need root.
as_postgres() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; else "$@"; fi
}
sql() { as_postgres psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --dbname="$1" --command="$2"; }

# rclone is configured by its environment alone, so that no secret is in a file or an argument.
store() {
  [ -r "$PANTHEROS_DUMP_PASSWORD" ] || die "no password at $PANTHEROS_DUMP_PASSWORD: has the secret backup-password arrived?"
  case "$PANTHEROS_DUMP_TO" in
    store:*)
      [ -r "$PANTHEROS_DUMP_CREDENTIALS" ] || die "no credentials at $PANTHEROS_DUMP_CREDENTIALS: has the secret b2-dumps arrived?"
      set -a
      # shellcheck source=/dev/null
      . "$PANTHEROS_DUMP_CREDENTIALS"
      set +a
      ;;
  esac
  export RCLONE_CONFIG=/dev/null RCLONE_LOG_LEVEL=ERROR RCLONE_RETRIES=3 RCLONE_LOW_LEVEL_RETRIES=3
  export RCLONE_CONFIG_STORE_TYPE=s3 RCLONE_CONFIG_STORE_PROVIDER=Other RCLONE_CONFIG_STORE_ENV_AUTH=true
  export RCLONE_CONFIG_STORE_ENDPOINT="$PANTHEROS_DUMP_ENDPOINT" RCLONE_CONFIG_STORE_NO_CHECK_BUCKET=true
  # Without a region rclone signs for us-east-1, which B2 refuses.
  export RCLONE_CONFIG_STORE_REGION="$PANTHEROS_DUMP_REGION"
  RCLONE_CONFIG_DUMPS_PASSWORD=$(rclone obscure - <"$PANTHEROS_DUMP_PASSWORD")
  export RCLONE_CONFIG_DUMPS_PASSWORD RCLONE_CONFIG_DUMPS_TYPE=crypt RCLONE_CONFIG_DUMPS_REMOTE="$PANTHEROS_DUMP_TO"
  export RCLONE_CONFIG_DUMPS_FILENAME_ENCRYPTION=off RCLONE_CONFIG_DUMPS_DIRECTORY_NAME_ENCRYPTION=false
}

known() {
  for name in $PANTHEROS_DUMP_DATABASES; do [ "$name" = "$1" ] && return 0; done
  die "database \"$1\" is not dumped on this host; use one of: $PANTHEROS_DUMP_DATABASES"
}

work=
cleanup() { [ -z "$work" ] || rm -rf "$work"; }
trap cleanup EXIT
trap 'exit 1' INT TERM HUP
workspace() {
  work=$(mktemp -d "${TMPDIR:-/tmp}/pantheros-postgres.XXXXXX")
  [ "$(id -u)" != 0 ] || chown postgres "$work"
}

# A dump is valid when all of it can be read back: its list, and every row through the decompressor.
readable() {
  [ "$(as_postgres pg_restore --list "$1" | grep -c '^[0-9]')" -gt 0 ] || return 1
  as_postgres pg_restore --file=/dev/null "$1"
}

metric() {
  [ -n "${PANTHEROS_DUMP_METRICS:-}" ] && [ -d "$PANTHEROS_DUMP_METRICS" ] || return 0
  {
    echo '# HELP pantheros_postgres_dump_success_seconds When the last checked dump was stored.'
    echo '# TYPE pantheros_postgres_dump_success_seconds gauge'
    echo "pantheros_postgres_dump_success_seconds $(date +%s)"
    echo '# HELP pantheros_postgres_dump_bytes Size of all dumps of the last run.'
    echo '# TYPE pantheros_postgres_dump_bytes gauge'
    echo "pantheros_postgres_dump_bytes $1"
  } >"$PANTHEROS_DUMP_METRICS/.postgres-dump.tmp"
  chmod 644 "$PANTHEROS_DUMP_METRICS/.postgres-dump.tmp"
  mv "$PANTHEROS_DUMP_METRICS/.postgres-dump.tmp" "$PANTHEROS_DUMP_METRICS/postgres-dump.prom"
}

dump() {
  store
  workspace
  time=$(date -u +%Y%m%dT%H%M%SZ)
  bytes=0
  # Roles and their rights are not part of a database's dump.
  as_postgres pg_dumpall --globals-only >"$work/globals.sql"
  rclone copyto "$work/globals.sql" "dumps:globals/$time.sql"
  for name in $PANTHEROS_DUMP_DATABASES; do
    file="$work/$name"
    as_postgres pg_dump --format=custom --file="$file" --dbname="$name"
    readable "$file" || die "the dump of $name can't be read back; nothing was stored for it"
    rclone copyto "$file" "dumps:$name/$time.dump"
    # Verifies that the stored object, decrypted again, equals the file.
    stored=$(rclone cat "dumps:$name/$time.dump" | sha256sum)
    [ "$stored" = "$(sha256sum <"$file")" ] || die "the stored $name/$time.dump differs from the dump; check the bucket and run this again"
    size=$(wc -c <"$file")
    bytes=$((bytes + size))
    say "$name: $size bytes, checked and stored as $name/$time.dump"
    rm -f "$file"
    rclone delete --min-age "${PANTHEROS_DUMP_KEEP_DAYS}d" "dumps:$name"
  done
  rclone delete --min-age "${PANTHEROS_DUMP_KEEP_DAYS}d" dumps:globals
  metric "$bytes"
}

list() {
  store
  for name in ${1:-$PANTHEROS_DUMP_DATABASES}; do
    known "$name"
    rclone lsf --files-only "dumps:$name" | sed -n "s/\.dump\$//p" | sort | sed "s/^/$name /"
  done
}

# pick NAME TIME [SUFFIX]: prints TIME if a dump of that time is stored, and without TIME the time of the latest one.
pick() {
  times=$(rclone lsf --files-only "dumps:$1" | sed -n "s/\\.${3:-dump}\$//p" | sort)
  [ -n "$times" ] || die "no dump of $1 at $PANTHEROS_DUMP_TO"
  if [ -z "$2" ]; then
    echo "$times" | tail -n 1
  else
    echo "$times" | grep -Fx -- "$2" || die "no dump of $1 at \"$2\"; see: pantheros-postgres list $1"
  fi
}

# get NAME TIME FILE [SUFFIX]
get() {
  rclone copyto "dumps:$1/$2.${4:-dump}" "$3" ||
    die "$1/$2 can't be fetched or decrypted: is $PANTHEROS_DUMP_PASSWORD the password it was made with? If the object is damaged, try an earlier one: pantheros-postgres list $1"
}

# swap DATABASE BEFORE INTO: renames DATABASE to BEFORE and INTO to DATABASE, in one transaction, so an
# interruption leaves both names valid. A rename waits five seconds for the database's sessions to end,
# and accepts no new ones meanwhile (CountOtherDBBackends and InitPostgres of PostgreSQL). It fails if a
# client connects before it holds the lock, and is then repeated. The same psql ends the sessions first,
# because clients would reconnect while a second one starts.
swap() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    if sql postgres "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '$1';
      BEGIN; ALTER DATABASE \"$1\" RENAME TO \"$2\"; ALTER DATABASE \"$3\" RENAME TO \"$1\"; COMMIT" >/dev/null; then return 0; fi
  done
  return 1
}

restore() {
  database=$1 at=$2 replace=$3
  store
  workspace
  time=$(pick "$database" "$at")
  now=$(date -u +%Y%m%dT%H%M%SZ)
  into="${database}_restored_$now"
  get "$database" "$time" "$work/dump"
  [ "$(id -u)" != 0 ] || chown postgres "$work/dump"
  readable "$work/dump" || die "the dump $database/$time can't be read; try an earlier one: pantheros-postgres list $database"
  sql postgres "CREATE DATABASE \"$into\" OWNER \"$database\" TEMPLATE template0"
  if ! as_postgres pg_restore --exit-on-error --single-transaction --dbname="$into" "$work/dump"; then
    sql postgres "DROP DATABASE \"$into\""
    die "$database/$time could not be restored; nothing was changed"
  fi
  say "$database/$time restored as database $into"
  [ "$replace" = yes ] || return 0
  before="${database}_before_$now"
  swap "$database" "$before" "$into" ||
    die "$database is unchanged: its clients reconnected before it could be renamed. Stop them and run this again, or rename it by hand; the restored database is $into"
  say "$database is now the dump of $time; the old database is $before: drop it when it is no longer needed"
}

main() {
  command=${1:-}
  [ $# -eq 0 ] || shift
  case "$command" in
    dump) [ $# -eq 0 ] || { usage >&2; exit 2; }; dump ;;
    globals)
      file=${1:-} at=''
      case "$file" in '' | -*) usage >&2; exit 2 ;; esac
      shift
      case "${1:-}" in
        '') ;;
        --at) [ $# -eq 2 ] || { usage >&2; exit 2; }; at=$2 ;;
        *) usage >&2; exit 2 ;;
      esac
      store
      time=$(pick globals "$at" sql)
      get globals "$time" "$file" sql
      say "the roles of $time are in $file; psql --file=$file creates missing ones"
      ;;
    list) [ $# -le 1 ] || { usage >&2; exit 2; }; list "$@" ;;
    fetch | restore)
      database=${1:-} file='' at='' replace=no
      [ -n "$database" ] || { usage >&2; exit 2; }
      shift
      known "$database"
      while [ $# -gt 0 ]; do
        case "$1" in
          --at) [ $# -ge 2 ] || { usage >&2; exit 2; }; at=$2; shift ;;
          --replace) [ "$command" = restore ] || { usage >&2; exit 2; }; replace=yes ;;
          -*) usage >&2; exit 2 ;;
          *) if [ "$command" = fetch ] && [ -z "$file" ]; then file=$1; else usage >&2; exit 2; fi ;;
        esac
        shift
      done
      if [ "$command" = fetch ]; then
        [ -n "$file" ] || { usage >&2; exit 2; }
        store
        time=$(pick "$database" "$at")
        get "$database" "$time" "$file"
        say "$database/$time is in $file"
      else
        restore "$database" "$at" "$replace"
      fi
      ;;
    help | --help | -h) usage ;;
    *) usage >&2; exit 2 ;;
  esac
}
main "$@"
