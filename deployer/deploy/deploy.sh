#!/bin/sh
# Deploys one host: hands PANTHEROS_DEPLOY, the JSON as in spec.ts, to the run's deployer (main.ts) and prints what that says: lines of
# progress to stderr, one line of JSON (result.ts) to stdout, whatever became of the host. A run is what started this program
# (Pulumi's command plugin); its first deploy starts the deployer, with PANTHEROS_NODE.
set -eu

fail() {
  echo "pantheros deploy: $1" >&2
  exit 1
}

# Named after that process and its start (proc_pid_stat(5), field 22), since numbers are used again.
read -r stat <"/proc/$PPID/stat"
# shellcheck disable=SC2086
set -- ${stat##*) }
home=${TMPDIR:-/tmp}/pantheros-deployer-$PPID-${20}

# Others may write beside it: it must be ours, and nobody else's to enter.
mkdir -m 700 "$home" 2>/dev/null || [ -n "$(find "$home" -prune -type d -user "$(id -u)" -perm 700)" ] ||
  fail "$home is not a directory of this user's alone: remove it"

# It says when it can be asked; one that cannot begin closes what it would say that with.
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
