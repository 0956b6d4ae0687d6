# shellcheck shell=sh disable=SC2154,SC2034
# What the supervisor remembers: small files.

# write NAME TEXT: replaced whole, and on the disk when it returns.
write() { with_room replace "$1" "$2"; }
replace() {
  printf '%s\n' "$2" 2>/dev/null >"$state/$1.new" && flush "$state/$1.new" && mv -fT "$state/$1.new" "$state/$1" 2>/dev/null
}
flush() { timeout "$minute" sync "$1" 2>/dev/null || timeout "$minute" sync; }
write_unsynced() { with_room overwrite "$1" "$2"; } # NAME TEXT: what means nothing without the record
overwrite() { printf '%s\n' "$2" 2>/dev/null >"$state/$1"; }
# On a full disk the command gets the room that `activate` set aside.
with_room() { "$@" || { [ -s "$state/reserve" ] && rm -f "$state/reserve" && "$@"; }; }
set_aside() { [ -s "$state/reserve" ] || head -c 1048576 /dev/urandom 2>/dev/null >"$state/reserve"; }
first_line() { line=; if [ -f "$1" ] && [ -r "$1" ]; then IFS= read -r line <"$1"; fi; }

# `record` is the one file that says an activation is under way. Other versions of this program read it: add keys only. The last line
# of a key counts: a step forward that changes nothing else is added at the end, and one that a crash took is the step before.
#   mode  live: switched under the running system. boot: the machine goes through a reboot.
#   boot  boot id when this phase began: another one now means that the machine went down since.
#   kept  generation of the profile from before
#   undo  yes: profile and boot default may be the new system's; the way back begins with them
#   user  who deploys, where it was not root
load() {
  phase=idle attempt='' wanted='' recorded='' token='' boot='' kept='' mode=live undo='' user=''
  [ -r "$state/record" ] || return 0
  while IFS='=' read -r key value; do
    case $key in
      phase) phase=$value ;; attempt) attempt=$value ;; wanted) wanted=$value ;; recorded) recorded=$value ;;
      token) token=$value ;; boot) boot=$value ;; kept) kept=$value ;; mode) mode=$value ;;
      undo) undo=$value ;; user) user=$value ;;
    esac
  done <"$state/record"
}
set_phase() {
  phase=$1
  printf 'pantheros: %s: %s\n' "$phase" "$wanted" >&2
  case $phase in
    switching | checking | waiting) printf 'phase=%s\n' "$phase" 2>/dev/null >>"$state/record" ;;
    *) write record "phase=$phase
attempt=$attempt
wanted=$wanted
recorded=$recorded
token=$token
boot=$boot
kept=$kept
mode=$mode
undo=$undo
user=$user" ;;
  esac || return
  case $phase in waiting | rebooting | idle) notify phase ;; esac # what `await` waits for
}
advance() { set_phase "$1" || fail record "" 1 "cannot write $state/record: is the disk full, or read-only?"; }

# settings SYSTEM: sets what deploy.conf of that system says, and the defaults (defaults.sh) for the rest, so every wait has a
# bound. False: there is no such file, or it cannot be read, and then signatures are required.
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

pin() { { [ -d "$gcroots" ] || mkdir -p "$gcroots"; } && ln -sfn "$2" "$gcroots/pantheros-$1"; } # a garbage collection keeps it
unpin() { rm -f "$gcroots/pantheros-wanted" "$gcroots/pantheros-recorded"; }

# --- The lock is descriptor 9, and not for children.
open_lock() { if { true; } 2>/dev/null >>"$state/lock"; then exec 9>>"$state/lock"; else exec 9>>"$volatile/lock"; fi; }
take_lock() { flock -n 9 || timeout "$1" flock 9; } # take_lock SECONDS
lock_within() { open_lock; take_lock "$1"; }

# --- The two sides wait for each other on FIFOs instead of polling (`phase`: another phase; `confirm`: somebody confirmed). A
# notification carries nothing: the state is in the files, and one that was never sent (by another version of this program, or one
# that was killed) or that another process took costs seconds. Descriptor 8 is the FIFO that is waited on.
listen() {
  [ -p "$state/$1.bell" ] || mkfifo "$state/$1.bell" 2>/dev/null
  if [ -p "$state/$1.bell" ]; then exec 8<>"$state/$1.bell"; else exec 8<&-; fi
}
notify() { [ ! -p "$state/$1.bell" ] || { echo >&8; } 8<>"$state/$1.bell"; }
# wait_notified SECONDS (1 or more): returns at the next notification, after 5 s at the latest (polling costs processes, and a fleet
# waits a lot), or after a moment when there is no FIFO.
wait_notified() {
  patience=$1
  [ "$patience" -le 5 ] || patience=5
  timeout "$patience" head -n 1 2>/dev/null <&8 >&2 9>&- || [ $? = 124 ] || sleep 0.1 9>&-
}

# insist COMMAND...: until it succeeds, with growing pauses. For what fails only as long as a disk is full or cannot be written.
insist() {
  pause=1
  until "$@"; do
    sleep "$pause" 9>&-
    [ "$pause" -ge 60 ] || pause=$((pause * 2))
  done
}

# --- Provenance: whose deploy this is, one flat JSON object on the stdin of `activate`; the host adds what it knows itself.
# No stdin, a terminal, or nothing on it: nobody says.
take_provenance() {
  offered=
  [ -t 0 ] || offered=$(timeout 5 head -c 4097 2>/dev/null | tr -d '\n')
  [ -n "$offered" ] || return 0
  value='(null|true|false|"[^"\\[:cntrl:]]*")'
  [ "${#offered}" -le 4096 ] && printf '%s\n' "$offered" | grep -Eq "^\\{\"[A-Za-z]+\":$value(,\"[A-Za-z]+\":$value)*\\}\$"
}

# record_committed BEFORE: `wanted` is the committed system. What was committed before it (BEFORE where nothing was) is what `rollback`
# goes to, and stays in the store for it. `committed` comes last, and all of it may be done again: a run that was cut short
# loses nothing.
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
  put_text at "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  put_text closure "$wanted"
  put_text previous "$(link "$gcroots/pantheros-previous")"
  write deploy.json "{$out}" || return
  # Everybody who knows its name may read it; nobody else may list the directory, and its other files are 0600.
  chmod 711 "$state"; chmod 0644 "$state/deploy.json"
  write committed "$token $wanted" && rm -f "$state/staged"
}

# finish OUTCOME FAILURE: the result of this attempt; then the host is idle again. In this order: a reader that sees
# idle finds the result. A result that cannot be written is told by its absence (last_result).
finish() {
  boot_id
  read_links
  first_line "$state/health"; health=${line:-[]}
  first_line "$state/deploy.json"
  out="\"outcome\":\"$1\",${2:-$(failure "" "" 0 "")}"
  put_text wanted "$wanted"
  put_text recorded "$recorded"
  put_text running "$running_system"
  put_text booted "$booted_system"
  put_text bootId "$boot_id"
  put generation "${generation_now:-null}"
  put_text token "$token"
  put_text attempt "$attempt"
  put_text at "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  put_list failedUnits "$(failed_units)"
  # shellcheck disable=SC2086
  put_list missingUnits "${missing:+$(printf '%s\n' $missing)}"
  new_kernel "$running_kernel"
  put_text waits "$kernel"
  put health "$health"
  put deploy "${line:-null}"
  write last "{$out}" || printf 'pantheros: cannot write %s: {%s}\n' "$state/last" "$out" >&2
  set_phase idle || return
  unpin
}

# The result of the last attempt in `line`, empty where there was none: of that one, and of no other.
last_result() {
  first_line "$state/last"
  case $line in *"\"attempt\":\"$attempt\""*) return ;; esac
  if [ "$phase" != idle ] || [ -z "$attempt" ]; then return; fi
  out="\"outcome\":\"failed\",$(failure result "" 1 "the end of this attempt could not be written to $state/last")"
  put_text wanted "$wanted"
  put_text recorded "$recorded"
  put_text running "$(running)"
  put_text token "$token"
  put_text attempt "$attempt"
  line="{$out}"
}
