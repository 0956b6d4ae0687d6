#!/bin/sh
# act.sh: what a secret that came or changed means to the units that read it. Run before and after secrets are fetched, and whenever
# one of their files is touched; the content decides, so running it again does nothing.
#
# PANTHEROS_SECRETS_TABLE: lines `PATH UNIT...`. PANTHEROS_SECRETS_STATE: directory for what was seen last, in memory.
#
# A unit that runs, or is about to, starts again; one that failed, or was skipped for want of the file, starts. One that is not
# started, or was stopped by somebody, stays as it is.
set -eu
umask 077
LC_ALL=C
export LC_ALL
# Restarting the unit that fetches the secrets may end this program, which runs as a part of it.
trap '' TERM

table="${PANTHEROS_SECRETS_TABLE:-/etc/pantheros/secrets}"
state="${PANTHEROS_SECRETS_STATE:-/run/pantheros-secrets}"
mkdir -p "$state"
exec 9>"$state/lock"
flock 9

# One "SUM PATH" a line for each secret that is there.
sums() {
  while read -r path _; do
    [ -f "$path" ] || continue
    sum=$(sha256sum <"$path") || continue # gone meanwhile
    echo "${sum%% *} $path"
  done <"$table"
}

# units_of FILE: the units, once each, of the paths in a file of lines as `sums` prints them.
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
    # Never tried, or stopped by somebody.
    *ActiveState=deactivating* | *ConditionTimestampMonotonic=0* | *ConditionResult=yes* | '') echo idle ;;
    *) echo skipped ;;
  esac
}

# Nothing is waited for: a unit may be ordered after whatever runs this.
act() {
  case "$(state_of "$1")" in running | failed) ;; *) return 0 ;; esac
  echo "a secret of $1 changed" >&2
  # A unit that was tried too often starts all the same: the secret may have been the reason.
  systemctl reset-failed "$1" 2>/dev/null || :
  systemctl --no-block restart "$1"
}

first=no
[ -e "$state/sums" ] || first=yes
: >>"$state/sums"
# Until nothing changes any more: what happens while this runs starts no second run.
while sums >"$state/sums.new" && ! cmp -s "$state/sums.new" "$state/sums"; do
  # At the first run since the boot nothing that was started can have read anything older.
  if [ "$first" = no ]; then
    grep -vxFf "$state/sums" "$state/sums.new" >"$state/changed" || :
    units_of "$state/changed" | while read -r unit; do act "$unit"; done
  fi
  first=no
  mv -f "$state/sums.new" "$state/sums"
done
# Whatever changed: a file that went and came back is the same to who looked before and after.
units_of "$state/sums" | while read -r unit; do
  [ "$(state_of "$unit")" != skipped ] || systemctl --no-block start "$unit"
done
