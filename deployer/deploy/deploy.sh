#!/bin/sh
# Deploys one host: sends PANTHEROS_DEPLOY (JSON, spec.ts) to the run's deployer (main.ts) and prints its response: progress to
# stderr, and one line of JSON (protocol/result.ts) to stdout, also for a failed deploy. A run is one process of Pulumi's command
# plugin, this program's parent; its first deploy starts the deployer with PANTHEROS_NODE.
set -eu

fail() {
  echo "pantheros deploy: $1" >&2
  exit 1
}

# Named after the parent and its start time (proc_pid_stat(5), field 22), because process ids are reused.
read -r stat <"/proc/$PPID/stat"
# shellcheck disable=SC2086
set -- ${stat##*) }
home=${TMPDIR:-/tmp}/pantheros-deployer-$PPID-${20}

# TMPDIR may be shared: the directory must belong to this user alone.
mkdir -m 700 "$home" 2>/dev/null || [ -n "$(find "$home" -prune -type d -user "$(id -u)" -perm 700)" ] ||
  fail "$home is not a directory of this user's alone: remove it"

# Waits for its "ready". A deployer that fails to start closes the pipe without it.
start() {
  rm -f "$home/ready"
  mkfifo "$home/ready"
  setsid "$PANTHEROS_NODE" "${0%/*}/main.ts" "$home" "$PPID" \
    </dev/null >"$home/ready" 2>"$home/log" 9>&- &
  read -r _ <"$home/ready" || fail "the deployer did not start: $(cat "$home/log")"
}

if [ ! -S "$home/socket" ]; then
  exec 9>"$home/lock"
  flock 9
  [ -S "$home/socket" ] || start
  exec 9>&-
fi

printf %s "$PANTHEROS_DEPLOY" | curl --silent --show-error --no-buffer --noproxy '*' --unix-socket "$home/socket" \
  --header "Asker: $$" --header 'Content-Type: application/json' --data-binary @- http://deployer/ | {
  result='' said=''
  while IFS= read -r line; do
    case $line in
      '{'*) result=$line && continue ;;
      'pantheros deploy: '*) said=yes ;;
    esac
    printf '%s\n' "$line" >&2
  done
  [ -z "$said" ] || exit 1
  [ -n "$result" ] || fail "its deployer ended before the deploy did$(sed '1s/^/: /' "$home/log" 2>/dev/null)"
  printf '%s\n' "$result"
}
