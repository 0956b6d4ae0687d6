# shellcheck shell=sh disable=SC2154,SC2034
# The verbs activate, confirm and rollback. They refuse before any change, start the unit, and wait for it.

# The unit is a timer and its service. Until stop_timer, systemd starts `run` again 2 s after each end of it (a
# kill, a stop, a timeout, its own failure), and first ends everything that the service had started.
start_unit() {
  self=$(readlink -f "$0") || return # a store path, because the activation changes /run/current-system
  start_timer || { stop_timer; sleep 1; start_timer; }
}
start_timer() {
  bounded "$quick_seconds" systemd-run --quiet --collect --no-ask-password --unit="$unit" --description="pantheros: activate $wanted" \
    --on-active=0 --timer-property=AccuracySec=100ms --timer-property=OnUnitInactiveSec=2s --service-type=exec \
    --property=StartLimitIntervalSec=0 --property=TimeoutStopSec=15 --property=OOMScoreAdjust=-900 \
    --property=RuntimeMaxSec="$((switch_seconds * 4 + health_seconds * 2 + confirm_seconds + reboot_seconds * 4 + quick_seconds * 10))" \
    -- "$self" run
}
stop_timer() { systemctl stop "$unit.timer" >/dev/null 2>&1; }
unit_is_active() {
  for unit_state in $(systemctl is-active "$unit.service" "$unit.timer" 2>/dev/null); do
    case $unit_state in active | activating | deactivating | reloading) return 0 ;; esac
  done
  return 1
}

# Continues an activation that a reboot or a kill interrupted, for up to 5 s. True: the host is idle.
recover() {
  if resume; then
    now; end=$((now + 5))
    subscribe phase
    while load; [ "$phase" != idle ]; do now; [ "$now" -lt "$end" ] || break; wait_notified 1; done
    exec 8<&-
  fi
  load
  [ "$phase" = idle ]
}
lock_or_refuse() {
  if recover && lock_within 5 && load && [ "$phase" = idle ]; then return; fi
  refuse busy "another activation is under way: $phase $wanted"
}

# signed SYSTEM: whether a key of the fleet signed it; the other keys that Nix trusts do not count. Being in the
# store proves nothing, because every user of this host can build a path there, or add a content-addressed one
# (ca:), which Nix accepts without a signature.
signed() {
  path=$1; set -- --extra-experimental-features nix-command
  bounded "$quick_seconds" nix "$@" path-info --sigs "$path" || return 1
  if grep -q '[[:space:]]ca:' "$volatile/log"; then return 1; fi
  # A running system whose deploy.conf predates trusted_keys: all keys that Nix trusts count.
  [ "$trusted_keys" = any ] || set -- "$@" --option trusted-public-keys "$trusted_keys"
  bounded "$quick_seconds" nix "$@" store verify --no-contents --sigs-needed 1 "$path"
}

# Sets recorded, the system that a rollback restores: the running one if it was confirmed once or is the boot
# default, otherwise the last confirmed one, otherwise the boot default.
choose_recorded() {
  first_line "$state/committed"; last=${line#* }
  default=$(boot_default)
  for recorded in "$last" "$(read_link "$gcroots/pantheros-previous")" "${default:-$profile_system}"; do
    [ "$recorded" != "$running_system" ] || return 0
  done
  for recorded in "$last" "${default:-$profile_system}" "$running_system"; do
    [ ! -f "$root${recorded:-/none}/nixos-version" ] || return 0
  done
}

# activate SYSTEM TOKEN: sets the record's variables (state.sh), writes the record and starts the unit.
activate() {
  new_system=$1 new_token=$2
  read_provenance || refuse arguments "stdin is not one flat JSON object of at most 4096 bytes with values that are strings, true, false or null"
  lock_or_refuse
  read_links
  [ -n "$running_system" ] || refuse machine "no running NixOS system: /run/current-system is missing or not a link"
  pin wanted "$new_system"
  check_system "$new_system"
  settings "$new_system"
  choose_mode "$new_system"
  choose_recorded
  read -r attempt </proc/sys/kernel/random/uuid
  read_boot_id
  wanted=$new_system token=$new_token phase_boot_id=$boot_id recorded_generation=$generation mode=$new_mode undo='' user=${SUDO_USER:-}
  # The wanted system runs already and only its kernel is not booted: a rollback restores what was booted.
  if [ "$mode" = boot ] && [ "$recorded" = "$wanted" ]; then recorded=$booted_system; fi
  reserve_room
  rm -f "$state/confirm" "$state/failure" "$volatile/failure" "$state/health" "$state/offer"
  { write_unsynced reasons "$reasons" && write_unsynced provenance "$provenance"; } || unpin_and_refuse state "$unwritable"
  failed_units failed,auto-restart >"$state/failed.before" || unpin_and_refuse machine "systemctl list-units failed"
  if [ "$mode" = live ] && [ "$wanted" = "$running_system" ] && [ "$wanted" = "$profile_system" ] && boots "$wanted"; then confirm_current; fi
  serving=$(serving_units) || unpin_and_refuse machine "systemctl list-units failed"
  printf '%s\n' "$serving" | units_of_recorded >"$state/serving" || unpin_and_refuse state "$unwritable"
  pin recorded "$recorded"
  set_phase starting || unpin_and_refuse state "$unwritable"
  start_unit || { finish failed "$(failure start systemd-run 1 "$(tail_of "$volatile/log")")"; print_result; }
  exec 9>&-
  wait_for_phase waiting "$((switch_seconds * 2 + health_seconds * 2 + 180))"
}
unpin_and_refuse() { unpin; refuse "$@"; } # STEP REASON

# check_system SYSTEM: refuses a system that is not for this machine, or not signed.
check_system() {
  [ -f "$root$1/nixos-version" ] || unpin_and_refuse closure "$1 is not a NixOS system in this store"
  first_line "$root$running_system/system"; platform=$line
  first_line "$root$1/system"
  [ "${line:-$platform}" = "${platform:-$line}" ] || unpin_and_refuse closure "$1 is built for $line, and this machine is $platform"
  # A system that was never managed has neither the file nor a supervisor, and only root can activate on it.
  if settings "$running_system" || [ -e "$root$running_system/etc/pantheros" ] || [ -e "$root$running_system/sw/bin/pantheros-supervisor" ]; then
    [ "$require_signature" = false ] || signed "$1" || unpin_and_refuse signature "no trusted key signed it: $(tail_of "$volatile/log")"
  fi
}

# choose_mode SYSTEM: sets new_mode (live or boot) and reasons (for a reboot). NixOS' own checks may refuse a switch.
choose_mode() {
  new_mode=live reasons=$(changed_inhibitors "$1")
  compare_kernel "$(read_link "$root$1/kernel")"
  if [ -n "$reasons" ] || { [ -n "$kernel_change" ] && [ "$reboot" = allow ]; }; then
    new_mode=boot reasons=$(printf '%s\n%s\n' "$kernel_change" "$reasons" | awk 'NF { printf "%s%s", sep, $0; sep = ", " }')
  elif [ -e "$root$1/switch-inhibitors" ] && ! bounded "$quick_seconds" "$root$1/bin/switch-to-configuration" check; then
    unpin_and_refuse inhibitors "NixOS refuses to switch to it: $(tail_of "$volatile/log")"
  fi
}

# Copies those unit names from stdin that the recorded system can start: the running system may have others.
units_of_recorded() {
  while read -r name; do
    if [ -L "$root$running_system/etc/systemd/system/$name" ] && [ ! -L "$root$recorded/etc/systemd/system/$name" ]; then continue; fi
    printf '%s\n' "$name" || return
  done
}

# The wanted system runs and boots already: nothing is switched, and it can be confirmed if it is healthy.
confirm_current() {
  if healthy "$wanted"; then
    write offer "$token $wanted"
    finish current
  else
    finish failed "$(failure health "$wanted/etc/pantheros/checks" 1 "not healthy within $health_seconds s: $failures")"
  fi
  print_result
}

# wait_for_phase PHASE SECONDS: prints the result of this attempt, or that it reached PHASE or reboots, and
# exits. The unit does not depend on this process.
wait_for_phase() {
  own_attempt=$attempt
  now; end=$((now + $2))
  subscribe phase
  while load; [ "$phase" != idle ] && [ "$attempt" = "$own_attempt" ]; do
    if [ "$phase" = "$1" ]; then
      first_line "$state/health"
      printf '{"outcome":"waiting","running":%s,"token":%s,"attempt":"%s","seconds":%s,"health":%s}\n' \
        "$(json "$(running)")" "$(json "$token")" "$attempt" "$confirm_seconds" "${line:-[]}"
      exit 0
    fi
    if [ "$phase" = rebooting ]; then
      printf '{"outcome":"rebooting",%s,"bootId":%s,"token":%s,"attempt":"%s"}\n' \
        "$(failure reboot "" 0 "$reasons")" "$(json "$phase_boot_id")" "$(json "$token")" "$attempt"
      exit 0
    fi
    now; [ "$now" -lt "$end" ] || print_failure "$phase" "not finished after $2 s; it continues on the host"
    wait_notified "$((end - now))"
  done
  [ "$attempt" = "$own_attempt" ] || print_failure busy "a later activation replaced this one"
  print_result
}
print_failure() { printf '{"outcome":"failed",%s}\n' "$(failure "$1" "" 1 "$2")"; exit 1; } # print_failure STEP REASON
print_result() { # prints the result of the last attempt, and exits
  last_result
  printf '%s\n' "$line"
  case $line in '{"outcome":"confirmed"'* | '{"outcome":"current"'* | '{"outcome":"staged"'*) exit 0 ;; *) exit 1 ;; esac
}

confirm() {
  given=$1
  load
  if [ "$phase" = waiting ] && [ "$token" = "$given" ]; then
    write_unsynced confirm "$attempt" || refuse state "$unwritable"
    notify confirm
    settings "$wanted"
    wait_for_phase never "$((switch_seconds * 2 + 180))"
  fi
  [ "$phase" = idle ] || refuse confirm "the activation under way ($phase) is not waiting for this token"
  lock_or_refuse
  first_line "$state/offer"
  read_links
  if [ -n "$line" ] && [ "$line" = "$given $running_system" ]; then
    token=$given wanted=${line#* } recorded=${line#* }
    { record_committed "" && finish confirmed; } || refuse state "$unwritable"
    rm -f "$state/offer"
    print_result
  fi
  first_line "$state/committed"
  [ "$line" = "$given $running_system" ] || refuse confirm "no activation is waiting for this token"
  first_line "$state/last"
  case $line in '{"outcome":"confirmed"'*"\"token\":\"$given\""*) printf '%s\n' "$line"; exit 0 ;; esac
  printf '{"outcome":"confirmed",%s,"running":%s,"generation":%s,"token":%s}\n' \
    "$(failure "" "" 0 "")" "$(json "$running_system")" "${generation:-null}" "$(json "$given")"
}

rollback() {
  previous=$(read_link "$gcroots/pantheros-previous") || refuse rollback "no previously committed system is known on this host"
  read -r fresh </proc/sys/kernel/random/uuid
  activate "$previous" "${1:-rollback-$fresh}"
}
