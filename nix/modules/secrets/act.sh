#!/bin/sh
# act.sh: restarts or starts the units that read a secret that is new or has changed. Runs before and after secrets
# are fetched, and after any change of their files. It compares contents, so repeating it does nothing.
# PANTHEROS_SECRETS_TABLE: lines `PATH UNIT...`. PANTHEROS_SECRETS_STATE: directory in memory for the last contents.
# A unit that runs or is starting is restarted; one that failed, or was skipped without the file, is
# started. One that was never started, or was stopped by hand, stays as it is.
set -eu
umask 077
LC_ALL=C
export LC_ALL
# Restarting the unit that fetches the secrets may end this program, which runs as part of it.
trap '' TERM

table="${PANTHEROS_SECRETS_TABLE:-/etc/pantheros/secrets}"
state="${PANTHEROS_SECRETS_STATE:-/run/pantheros-secrets}"
mkdir -p "$state"
exec 9>"$state/lock"
flock 9

# Prints "SUM PATH" for each existing secret.
sums() {
  while read -r path _; do
    [ -f "$path" ] || continue
    sum=$(sha256sum <"$path") || continue # deleted in the meantime
    echo "${sum%% *} $path"
  done <"$table"
}

# units_of FILE: the units of the paths in FILE, which has lines as `sums` prints them; each unit once.
units_of() {
  cut -d' ' -f2- "$1" | while read -r path; do
    while read -r known units; do
      [ "$known" != "$path" ] || printf '%s\n' "$units"
    done <"$table"
  done | tr ' ' '\n' | sed '/^$/d' | sort -u
}

# state_of UNIT: running, failed, skipped, or idle.
state_of() {
  shown=$(systemctl show --property=ActiveState,ConditionResult,ConditionTimestampMonotonic "$1") || shown=
  case "$shown" in
    *ActiveState=active* | *ActiveState=activating* | *ActiveState=reloading*) echo running ;;
    *ActiveState=failed*) echo failed ;;
    # Never started, or stopped by hand.
    *ActiveState=deactivating* | *ConditionTimestampMonotonic=0* | *ConditionResult=yes* | '') echo idle ;;
    *) echo skipped ;;
  esac
}

# act UNIT: does not wait for the unit, which may be ordered after the caller of this program.
act() {
  case "$(state_of "$1")" in running | failed) ;; *) return 0 ;; esac
  echo "a secret of $1 changed" >&2
  # A unit at its start limit starts too, because the old secret may have caused the failures.
  systemctl reset-failed "$1" 2>/dev/null || :
  systemctl --no-block restart "$1"
}

first=no
[ -e "$state/sums" ] || first=yes
: >>"$state/sums"
# Repeats until nothing changes, because a change during this run does not trigger another one.
while sums >"$state/sums.new" && ! cmp -s "$state/sums.new" "$state/sums"; do
  # In the first run since boot, no unit can have read an older secret.
  if [ "$first" = no ]; then
    grep -vxFf "$state/sums" "$state/sums.new" >"$state/changed" || :
    units_of "$state/changed" | while read -r unit; do act "$unit"; done
  fi
  first=no
  mv -f "$state/sums.new" "$state/sums"
done
# Always, because a file that was deleted and restored between two runs shows no change.
units_of "$state/sums" | while read -r unit; do
  [ "$(state_of "$unit")" != skipped ] || systemctl --no-block start "$unit"
done
