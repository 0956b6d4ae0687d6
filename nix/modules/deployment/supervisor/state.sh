# shellcheck shell=sh disable=SC2154,SC2034
# The supervisor's files, its lock and the notifications between its two sides.

# write NAME TEXT: replaces the file as a whole, and syncs it.
write() { with_reserve replace "$1" "$2"; }
replace() {
  printf '%s\n' "$2" 2>/dev/null >"$state/$1.new" && sync_file "$state/$1.new" && mv -fT "$state/$1.new" "$state/$1" 2>/dev/null
}
sync_file() { timeout "$quick_seconds" sync "$1" 2>/dev/null || timeout "$quick_seconds" sync; }
# write_unsynced NAME TEXT: for a file that is useless without the record.
write_unsynced() { with_reserve overwrite "$1" "$2"; }
overwrite() { printf '%s\n' "$2" 2>/dev/null >"$state/$1"; }
# Each activation reserves a megabyte; on a full disk, a failed command is repeated once in that room.
with_reserve() { "$@" || { [ -s "$state/reserve" ] && rm -f "$state/reserve" && "$@"; }; }
reserve_room() { [ -s "$state/reserve" ] || head -c 1048576 /dev/urandom 2>/dev/null >"$state/reserve"; }
# first_line FILE: sets line, '' when the file cannot be read.
first_line() { line=; if [ -f "$1" ] && [ -r "$1" ]; then IFS= read -r line <"$1"; fi; }

# `record` alone says whether an activation is under way. Other versions read it, so keys are only added. The
# last line of a key counts, because some phases are appended; if a crash loses that line, the phase before counts.
#   mode  live: switched while the old system runs. boot: the machine reboots.
#   boot  boot id at the start of this phase; a different one now means that the machine went down since
#   kept  generation of the profile before the activation
#   undo  yes: profile and boot default may be the new system's, so a rollback restores them first
#   user  the account that deploys, '' for root
# load: sets a variable for each key.
load() {
  phase=idle attempt='' wanted='' recorded='' token='' phase_boot_id='' recorded_generation='' mode=live undo='' user=''
  [ -r "$state/record" ] || return 0
  while IFS='=' read -r key value; do
    case $key in
      phase) phase=$value ;; attempt) attempt=$value ;; wanted) wanted=$value ;; recorded) recorded=$value ;;
      token) token=$value ;; boot) phase_boot_id=$value ;; kept) recorded_generation=$value ;; mode) mode=$value ;;
      undo) undo=$value ;; user) user=$value ;;
    esac
  done <"$state/record"
}
set_phase() { # PHASE: sets phase, and writes the record
  phase=$1
  printf 'pantheros: %s: %s\n' "$phase" "$wanted" >&2
  case $phase in
    switching | checking | waiting) printf 'phase=%s\n' "$phase" 2>/dev/null >>"$state/record" ;;
    *) write record "phase=$phase
attempt=$attempt
wanted=$wanted
recorded=$recorded
token=$token
boot=$phase_boot_id
kept=$recorded_generation
mode=$mode
undo=$undo
user=$user" ;;
  esac || return
  case $phase in waiting | rebooting | idle) notify phase ;; esac # wait_for_phase waits for these
}
advance() { set_phase "$1" || fail record "" 1 "$unwritable"; } # advance PHASE: set_phase, or the activation fails

# settings SYSTEM: sets each setting of its deploy.conf, or the default (defaults.sh), so every wait has a limit.
# False: the file is missing or unreadable, and signatures are required.
settings() {
  default_settings
  require_signature=true trusted_keys=any
  [ -f "$root$1/etc/pantheros/deploy.conf" ] && [ -r "$root$1/etc/pantheros/deploy.conf" ] || return
  while read -r entry; do
    key=${entry%%=*} value=${entry#*=}
    case $key=$value in
      require_signature=false) require_signature=false ;;
      trusted_keys=*) trusted_keys=$value ;;
      reboot=allow) reboot=allow ;;
      *=*[!0-9]* | *=) ;;
      switch_seconds=*) switch_seconds=$value ;; health_seconds=*) health_seconds=$value ;;
      health_period=*) health_period=$value ;; confirm_seconds=*) confirm_seconds=$value ;;
      reboot_seconds=*) reboot_seconds=$value ;;
    esac
  done <"$root$1/etc/pantheros/deploy.conf"
}

# pin NAME SYSTEM: keeps the system from garbage collection.
pin() { { [ -d "$gcroots" ] || mkdir -p "$gcroots"; } && ln -sfn "$2" "$gcroots/pantheros-$1"; }
unpin() { rm -f "$gcroots/pantheros-wanted" "$gcroots/pantheros-recorded"; }

# The lock is descriptor 9. Children that may outlive this process get it closed (9>&-).
open_lock() { if { true; } 2>/dev/null >>"$state/lock"; then exec 9>>"$state/lock"; else exec 9>>"$volatile/lock"; fi; }
take_lock() { flock -n 9 || timeout "$1" flock 9; } # take_lock SECONDS
lock_within() { open_lock; take_lock "$1"; }

# The two sides notify each other through FIFOs instead of polling: `phase` after a change of the phase,
# `confirm` after a confirmation. A notification has no content, because the state is in the files, so a lost
# one costs only seconds. Descriptor 8 is the FIFO that a process waits on.
subscribe() {
  [ -p "$state/$1.bell" ] || mkfifo "$state/$1.bell" 2>/dev/null
  if [ -p "$state/$1.bell" ]; then exec 8<>"$state/$1.bell"; else exec 8<&-; fi
}
notify() { [ ! -p "$state/$1.bell" ] || { echo >&8; } 8<>"$state/$1.bell"; }
# wait_notified SECONDS: returns at the next notification and after 5 s at most, or after 0.1 s without a FIFO.
wait_notified() {
  wait_seconds=$1
  [ "$wait_seconds" -le 5 ] || wait_seconds=5
  timeout "$wait_seconds" head -n 1 2>/dev/null <&8 >&2 9>&- || [ $? = 124 ] || sleep 0.1 9>&-
}

# retry COMMAND...: repeats it with growing pauses until it succeeds. False: it has not by `end`. Sets end.
retry() {
  now; end=$((now + switch_seconds + quick_seconds)) pause=1
  until "$@"; do
    now; [ "$now" -lt "$end" ] || return
    sleep "$pause" 9>&-
    [ "$pause" -ge 30 ] || pause=$((pause * 2))
  done
}
# retry_forever COMMAND...: for a command that fails only while a disk is full or read-only.
retry_forever() { until retry "$@"; do :; done; }

# Sets provenance: who deploys what, one flat JSON object on the stdin of `activate`; '' without one.
read_provenance() {
  provenance=
  [ -t 0 ] || provenance=$(timeout 5 head -c 4097 2>/dev/null | tr -d '\n')
  [ -n "$provenance" ] || return 0
  value='(null|true|false|"[^"\\[:cntrl:]]*")'
  [ "${#provenance}" -le 4096 ] && printf '%s\n' "$provenance" | grep -Eq "^\\{\"[A-Za-z]+\":$value(,\"[A-Za-z]+\":$value)*\\}\$"
}

# record_committed BEFORE: `wanted` is the committed system. The one committed before it, or BEFORE when there
# was none, is pinned for `rollback`. All of it can be repeated, and `committed` is written last, so a run that
# ends early loses nothing.
record_committed() {
  first_line "$state/committed"; last=${line#* }
  [ -n "$last" ] || last=$1
  if [ -n "$last" ] && [ "$last" != "$wanted" ]; then pin previous "$last" || return; fi
  first_line "$state/deploy.json"
  case $line in
    '' | *"\"closure\":\"$wanted\""*) ;;
    *) cp -p "$state/deploy.json" "$state/deploy.new" && mv -fT "$state/deploy.new" "$state/deploy.previous.json" || return ;;
  esac
  first_line "$state/provenance"
  out=${line#\{} out=${out%\}}
  put_text at "$(date -u +%Y-%m-%dT%H:%M:%SZ)" closure "$wanted" previous "$(read_link "$gcroots/pantheros-previous")"
  write deploy.json "{$out}" || return
  # Every user may read this file by its name. The directory cannot be listed, and its other files are 0600.
  chmod 711 "$state"; chmod 0644 "$state/deploy.json"
  write committed "$token $wanted" && rm -f "$state/staged"
}
