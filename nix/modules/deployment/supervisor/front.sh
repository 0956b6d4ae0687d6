# shellcheck shell=sh disable=SC2154,SC2034
# The side that answers: refusals before anything is changed, the start of the unit, and waiting for it.

# The unit is a timer and its service, so that systemd starts `run` again 2 s after its end, whatever ended it (a kill, a stop, a
# hang, its own failure), until `disarm`. Before that, everything the service had started is ended.
start_unit() {
  self=$(readlink -f "$0") || return # a store path: /run/current-system is about to mean something else
  launch || { disarm; sleep 1; launch; }
}
launch() {
  bounded "$minute" systemd-run --quiet --collect --no-ask-password --unit="$unit" --description="pantheros: activate $wanted" \
    --on-active=0 --timer-property=AccuracySec=100ms --timer-property=OnUnitInactiveSec=2s --service-type=exec \
    --property=StartLimitIntervalSec=0 --property=TimeoutStopSec=15 --property=OOMScoreAdjust=-900 \
    --property=RuntimeMaxSec="$((switch_seconds * 4 + health_seconds * 2 + confirm_seconds + reboot_seconds * 4 + minute * 10))" \
    -- "$self" run
}
disarm() { systemctl stop "$unit.timer" >/dev/null 2>&1; }
unit_lives() {
  for found in $(systemctl is-active "$unit.service" "$unit.timer" 2>/dev/null); do
    case $found in active | activating | deactivating | reloading) return 0 ;; esac
  done
  return 1
}

# What a reboot or a kill cut short continues, which mostly takes a moment. True: the host is idle.
recover() {
  if resume; then
    now; end=$((now + 5))
    listen phase
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

# Being in the store proves nothing: anybody on this host may build a path, which needs no signature, or add one that is
# named by its content (ca:), for which Nix never asks for one. Of what the host's Nix trusts, only the fleet's own keys count.
signed() {
  set -- "$1" --extra-experimental-features nix-command
  path=$1; shift
  bounded "$minute" nix "$@" path-info --sigs "$path" || return 1
  if grep -q '[[:space:]]ca:' "$volatile/log"; then return 1; fi
  # A system from before the fleet's keys were named to it trusts what Nix does.
  [ "$trusted_keys" = any ] || set -- "$@" --option trusted-public-keys "$trusted_keys"
  bounded "$minute" nix "$@" store verify --no-contents --sigs-needed 1 "$path"
}

# What to go back to was confirmed once, or is what the machine boots: the running system where it is one of these.
choose_recorded() {
  first_line "$state/committed"; last=${line#* }
  default=$(boot_default)
  for recorded in "$last" "$(link "$gcroots/pantheros-previous")" "${default:-$profile_system}"; do
    [ "$recorded" != "$from" ] || return 0
  done
  for recorded in "$last" "${default:-$profile_system}" "$from"; do
    [ ! -f "$root${recorded:-/none}/nixos-version" ] || return 0
  done
}

activate() {
  wanted_path=$1 new_token=$2
  take_provenance || refuse arguments "stdin is not one flat JSON object of at most 4096 bytes, of words, true, false and null"
  lock_or_refuse
  read_links; from=$running_system
  [ -n "$from" ] || refuse machine "no running NixOS system: /run/current-system is missing or not a link"
  pin wanted "$wanted_path"
  not_now() { unpin; refuse "$@"; }
  [ -f "$root$wanted_path/nixos-version" ] || not_now closure "$wanted_path is not a NixOS system in this store"
  first_line "$root$from/system"; ours=$line
  first_line "$root$wanted_path/system"
  [ "${line:-$ours}" = "${ours:-$line}" ] || not_now closure "$wanted_path is built for $line, and this machine is $ours"
  # A system that was never managed has neither the file nor a supervisor, and only root gets here.
  if settings "$from" || [ -e "$root$from/etc/pantheros" ] || [ -e "$root$from/sw/bin/pantheros-supervisor" ]; then
    [ "$require_signature" = false ] || signed "$wanted_path" || not_now signature "no trusted key signed it: $(tail_of "$volatile/log")"
  fi
  settings "$wanted_path"
  new_mode=live reasons=$(inhibitors "$wanted_path")
  new_kernel "$(link "$root$wanted_path/kernel")"
  if [ -n "$reasons" ] || { [ -n "$kernel" ] && [ "$reboot" = allow ]; }; then
    new_mode=boot reasons=$(printf '%s\n%s\n' "$kernel" "$reasons" | awk 'NF { printf "%s%s", sep, $0; sep = ", " }')
  # NixOS' own checks, which change nothing.
  elif [ -e "$root$wanted_path/switch-inhibitors" ] && ! bounded "$minute" "$root$wanted_path/bin/switch-to-configuration" check; then
    not_now inhibitors "NixOS refuses to switch to it: $(tail_of "$volatile/log")"
  fi
  choose_recorded
  read -r attempt </proc/sys/kernel/random/uuid
  boot_id
  wanted=$wanted_path token=$new_token boot=$boot_id kept=$generation_now mode=$new_mode undo='' user=${SUDO_USER:-}
  # Switched to already, and only its kernel is not booted: what was booted is what to go back to.
  if [ "$mode" = boot ] && [ "$recorded" = "$wanted" ]; then recorded=$booted_system; fi
  set_aside
  rm -f "$state/confirm" "$state/failure" "$volatile/failure" "$state/health" "$state/offer"
  unwritable="cannot write to $state: is the disk full, or read-only?"
  { write_unsynced reasons "$reasons" && write_unsynced provenance "$offered"; } || not_now state "$unwritable"
  failed_units failed,auto-restart >"$state/failed.before" || not_now machine "systemctl list-units failed"
  if [ "$mode" = live ] && [ "$wanted" = "$from" ] && [ "$wanted" = "$profile_system" ] && boots "$wanted"; then confirm_current; fi
  serving=$(serving_units) || not_now machine "systemctl list-units failed"
  printf '%s\n' "$serving" | of_recorded >"$state/serving" || not_now state "$unwritable"
  pin recorded "$recorded"
  set_phase starting || not_now state "$unwritable"
  start_unit || { finish failed "$(failure start systemd-run 1 "$(tail_of "$volatile/log")")"; answer; }
  exec 9>&-
  await waiting "$((switch_seconds * 2 + health_seconds * 2 + 180))"
}
# Of unit names on stdin those that the recorded system can start; a system that somebody switched to by hand may have others.
of_recorded() {
  while read -r name; do
    if [ -L "$root$from/etc/systemd/system/$name" ] && [ ! -L "$root$recorded/etc/systemd/system/$name" ]; then continue; fi
    printf '%s\n' "$name" || return
  done
}

# The wanted system runs and boots already: there is nothing to go back to, but it must be healthy to be confirmed.
confirm_current() {
  if healthy "$wanted"; then
    write offer "$token $wanted"
    finish current
  else
    finish failed "$(failure health "$wanted/etc/pantheros/checks" 1 "not healthy within $health_seconds s: $failures")"
  fi
  answer
}

# await PHASE SECONDS: prints the end of this attempt, or PHASE when it comes first. Losing this process changes nothing.
await() {
  mine=$attempt
  now; end=$((now + $2))
  listen phase
  while load; [ "$phase" != idle ] && [ "$attempt" = "$mine" ]; do
    if [ "$phase" = "$1" ]; then
      first_line "$state/health"
      printf '{"outcome":"waiting","running":%s,"token":%s,"attempt":"%s","seconds":%s,"health":%s}\n' \
        "$(json "$(running)")" "$(json "$token")" "$attempt" "$confirm_seconds" "${line:-[]}"
      exit 0
    fi
    if [ "$phase" = rebooting ]; then
      printf '{"outcome":"rebooting",%s,"bootId":%s,"token":%s,"attempt":"%s"}\n' \
        "$(failure reboot "" 0 "$reasons")" "$(json "$boot")" "$(json "$token")" "$attempt"
      exit 0
    fi
    now; [ "$now" -lt "$end" ] || { printf '{"outcome":"failed",%s}\n' "$(failure "$phase" "" 1 "no end after $2 s; it goes on by itself")"; exit 1; }
    wait_notified "$((end - now))"
  done
  [ "$attempt" = "$mine" ] || { printf '{"outcome":"failed",%s}\n' "$(failure busy "" 1 "another activation took its place")"; exit 1; }
  answer
}
answer() {
  last_result
  printf '%s\n' "$line"
  case $line in '{"outcome":"confirmed"'* | '{"outcome":"current"'* | '{"outcome":"staged"'*) exit 0 ;; *) exit 1 ;; esac
}

confirm() {
  given=$1
  load
  if [ "$phase" = waiting ] && [ "$token" = "$given" ]; then
    write_unsynced confirm "$attempt" || refuse state "cannot write to $state: is the disk full, or read-only?"
    notify confirm
    settings "$wanted"
    await never "$((switch_seconds * 2 + 180))"
  fi
  [ "$phase" = idle ] || refuse confirm "the activation under way ($phase) is not waiting for this token"
  lock_or_refuse
  first_line "$state/offer"
  read_links
  if [ -n "$line" ] && [ "$line" = "$given $running_system" ]; then
    token=$given wanted=${line#* } recorded=${line#* }
    { record_committed "" && finish confirmed; } || refuse state "cannot write to $state: is the disk full, or read-only?"
    rm -f "$state/offer"
    answer
  fi
  first_line "$state/committed"
  [ "$line" = "$given $running_system" ] || refuse confirm "nothing waits for this token"
  first_line "$state/last"
  case $line in '{"outcome":"confirmed"'*"\"token\":\"$given\""*) printf '%s\n' "$line"; exit 0 ;; esac
  printf '{"outcome":"confirmed",%s,"running":%s,"generation":%s,"token":%s}\n' \
    "$(failure "" "" 0 "")" "$(json "$running_system")" "${generation_now:-null}" "$(json "$given")"
}

rollback() {
  previous=$(link "$gcroots/pantheros-previous") || refuse rollback "no previously committed system is known on this host"
  read -r fresh </proc/sys/kernel/random/uuid
  activate "$previous" "${1:-rollback-$fresh}"
}
