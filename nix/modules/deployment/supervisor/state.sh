# shellcheck shell=sh disable=SC2154,SC2034
# What the supervisor remembers: small files.

# write NAME TEXT: replaced whole, and on the disk when it returns.
write() {
  printf '%s\n' "$2" 2>/dev/null >"$state/$1.new" && { sync "$state/$1.new" 2>/dev/null || sync; } && mv -f "$state/$1.new" "$state/$1"
}
jot() { printf '%s\n' "$2" 2>/dev/null >"$state/$1"; } # jot NAME TEXT: what means nothing without the record
first_line() { line=; if [ -r "$1" ]; then IFS= read -r line <"$1"; fi; }

# `record` is the one file that says an activation is under way. Other versions of this program read it: add keys only. The last line
# of a key counts: a step forward that changes nothing else is added at the end, and one that a crash took is the step before.
#   mode  live: switched under the running system. boot: the machine goes through a reboot.
#   boot  boot id when this phase began: another one now means that the machine went down since.
#   kept  generation of the profile from before
load() {
  phase=idle attempt='' wanted='' recorded='' token='' boot='' kept='' mode=live
  [ -r "$state/record" ] || return 0
  while IFS='=' read -r key value; do
    case $key in
      phase) phase=$value ;; attempt) attempt=$value ;; wanted) wanted=$value ;; recorded) recorded=$value ;;
      token) token=$value ;; boot) boot=$value ;; kept) kept=$value ;; mode) mode=$value ;;
    esac
  done <"$state/record"
}
enter() {
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
mode=$mode" ;;
  esac || return
  case $phase in waiting | rebooting | idle) ring phase ;; esac # what `await` waits for
}

# settings SYSTEM: whole seconds, each with a default, so a closure without the file still has bounds.
settings() {
  switch_seconds=300 health_seconds=60 health_period=2 confirm_seconds=30 reboot_seconds=300 reboot=never require_signature=false
  [ -r "$root$1/etc/pantheros/deploy.conf" ] || return 0
  while IFS='=' read -r key value; do
    case $key=$value in
      require_signature=true) require_signature=true ;;
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
open_lock() { exec 9>>"$state/lock"; }
take_lock() { flock -n 9 || timeout "$1" flock 9; } # take_lock SECONDS
lock_within() { open_lock; take_lock "$1"; }

# --- Waiting for each other without looking all the time: who changes something rings (`phase`: another phase; `confirm`:
# somebody confirmed). A bell says nothing: what is so stands in the files, and one that nobody rang (another version of this
# program, one that was killed) or that another one heard costs seconds. Descriptor 8 is the bell that is listened to.
listen() {
  [ -p "$state/$1.bell" ] || mkfifo "$state/$1.bell" 2>/dev/null
  if [ -p "$state/$1.bell" ]; then exec 8<>"$state/$1.bell"; else exec 8<&-; fi
}
ring() { [ ! -p "$state/$1.bell" ] || { echo >&8; } 8<>"$state/$1.bell"; }
# heard SECONDS (1 or more): returns at the next ring, after 5 s at the latest (a look costs processes, and a fleet waits a
# lot), or when there is no bell after a moment.
heard() {
  patience=$1
  [ "$patience" -le 5 ] || patience=5
  timeout "$patience" head -n 1 2>/dev/null <&8 >&2 9>&- || [ $? = 124 ] || sleep 0.1 9>&-
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

# keep BEFORE: `wanted` is the committed system. What was committed before it (BEFORE where nothing was) is what `rollback`
# goes to, and stays in the store for it.
keep() {
  first_line "$state/committed"; last=${line#* }
  [ -n "$last" ] || last=$1
  write committed "$token $wanted"
  if [ -n "$last" ] && [ "$last" != "$wanted" ]; then pin previous "$last"; fi
  rm -f "$state/staged"
  first_line "$state/provenance"
  out=${line#\{} out=${out%\}}
  put_text at "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  put_text closure "$wanted"
  put_text previous "$(link "$gcroots/pantheros-previous")"
  if [ -e "$state/deploy.json" ]; then cp -p "$state/deploy.json" "$state/deploy.previous.json"; fi
  write deploy.json "{$out}"
  # Everybody who knows its name may read it; nobody else may list the directory, and its other files are 0600.
  chmod 711 "$state"; chmod 0644 "$state/deploy.json"
}

# finish OUTCOME FAILURE: the result of this attempt; then the host is idle again. In this order: a reader that sees
# idle finds the result.
finish() {
  boot_id
  look
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
  put_list missingUnits "${missing:-}"
  new_kernel "$running_kernel"
  put_text waits "$kernel"
  put health "$health"
  put deploy "${line:-null}"
  write last "{$out}"
  enter idle
  unpin
}
