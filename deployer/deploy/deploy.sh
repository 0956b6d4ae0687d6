#!/bin/sh
# Deploys one host: sends PANTHEROS_DEPLOY (JSON, spec.ts) to the run's deployer (main.ts) and prints its response: progress to
# stderr, and one line of JSON (protocol/result.ts) to stdout, also for a failed deploy. A run is one process of Pulumi's command
# plugin, this program's parent; its first deploy starts the deployer with PANTHEROS_NODE.
set -eu

fail() {
  echo "pantheros deploy: $1" >&2
  exit 1
}

# Named after the parent, its start time (proc_pid_stat(5), field 22), because process ids are reused, and the PID
# namespace, because containers may share TMPDIR (process/private-directory.ts).
read -r stat <"/proc/$PPID/stat"
# shellcheck disable=SC2086
set -- ${stat##*) }
namespace=$(readlink /proc/self/ns/pid)
namespace=${namespace%]}
name=pantheros-deployer-$PPID-${20}-${namespace#"${namespace%????}"}

# Makes or finds $home. Sets problem to why it cannot be used. A socket's path has at most 107 bytes (unix(7)); Nix splits
# NIX_SSHOPTS at blanks.
use_home() {
  case $home in *[[:space:]]*) problem='its path has a blank' && return ;; esac
  [ ${#home} -le 96 ] || { problem='its path is too long for a socket' && return; }
  # busybox's `mkdir -m` sets the mode afterwards; another deploy could see the directory with the wrong one.
  if ! (umask 077 && mkdir "$home") 2>/dev/null; then
    [ -e "$home" ] || [ -L "$home" ] || { problem='it is not a writable directory' && return; }
    # TMPDIR may be shared: the directory must belong to this user alone.
    [ -n "$(find "$home" -prune -type d -user "$(id -u)" -perm 700)" ] ||
      fail "$home is not a directory of this user's alone: remove it"
  fi
  [ ! -S "$home/socket" ] || return 0
  printf '%65536s' '' 2>/dev/null >"$home/space.$$" || problem='it is full'
  rm -f "$home/space.$$"
  [ -z "$problem" ] || rmdir "$home" 2>/dev/null || :
}

problems=''
for parent in ${TMPDIR:+"$TMPDIR"} ${XDG_RUNTIME_DIR:+"$XDG_RUNTIME_DIR"} /tmp; do
  home=${parent%/}/$name problem=''
  use_home
  [ -n "$problem" ] || break
  problems="$problems${problems:+; }$parent: $problem"
done
[ -z "$problem" ] ||
  fail "no directory for temporary files ($problems): set TMPDIR to a writable directory with free space, whose path is short and has no blank"

# Waits for its "ready". A deployer that fails to start closes the pipe without it.
start() {
  rm -f "$home/ready"
  mkfifo "$home/ready"
  TMPDIR=$parent setsid "$PANTHEROS_NODE" "${0%/*}/main.ts" "$home" "$PPID" \
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
  result='' reported=''
  while IFS= read -r line; do
    case $line in
      '{'*) result=$line && continue ;;
      'pantheros deploy: '*) reported=yes ;;
    esac
    printf '%s\n' "$line" >&2
  done
  [ -z "$reported" ] || exit 1
  [ -n "$result" ] || fail "its deployer ended before the deploy did$(sed '1s/^/: /' "$home/log" 2>/dev/null)"
  printf '%s\n' "$result"
}
