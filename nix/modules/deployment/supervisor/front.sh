# shellcheck shell=sh disable=SC2154,SC2034
# The side that answers: refusals before anything is touched, the start of the unit, and waiting for it.

unit_lives() { case $(systemctl is-active "$unit" 2>/dev/null) in active | activating | deactivating | reloading) ;; *) return 1 ;; esac; }
start_unit() {
  self=$(readlink -f "$0") # a store path: /run/current-system is about to mean something else
  systemd-run --quiet --collect --no-ask-password --service-type=exec --unit="$unit" --description="pantheros: activate $wanted" \
    --property=KillMode=mixed --property=TimeoutStopSec="$((switch_seconds * 2 + 300))" --property=OOMScoreAdjust=-900 \
    --property="ExecStopPost=$self settle" -- "$self" run >"$state/log" 2>&1 9>&-
}

lock_or_refuse() {
  open_lock
  if recover && take_lock 5 && load && [ "$phase" = idle ]; then return; fi
  refuse busy "another activation is under way: $phase $wanted"
}

# An activation that a reboot, or a kill of the unit and of its settle, cut short. False: it is alive.
recover() {
  load
  [ "$phase" != idle ] || return 0
  boot_id
  how="the machine rebooted while $phase; it booted $(booted)"
  if [ "$boot" != "$boot_id" ]; then
    if [ "$mode" = boot ]; then resume; load; [ "$phase" = idle ]; return; fi
    take_lock 2 || return 1 # held by another recovery, no longer than that
    load
    [ "$phase" != idle ] || return 0
  else
    flock -n 9 || return 1
    if unit_lives || [ "$phase" = returning ] || { [ "$phase" = rebooting ] && going_down; }; then return 1; fi
    how="the supervisor was ended while $phase and could not go back"
  fi
  finish interrupted "$(failure "$phase" "" 1 "$how")"
}

# Being in the store proves nothing: anybody on this host may build a path, which needs no signature, or add one that is
# named by its content (ca:), for which Nix never asks for one.
signed() {
  set -- "$1" --extra-experimental-features nix-command
  path=$1; shift
  bounded 60 nix "$@" path-info --sigs "$path" || return 1
  if grep -q '[[:space:]]ca:' "$state/log"; then return 1; fi
  bounded 60 nix "$@" store verify --no-contents --sigs-needed 1 "$path"
}

activate() {
  wanted_path=$1 new_token=$2
  take_provenance || refuse arguments "stdin is not one flat JSON object of at most 4096 bytes, of words, true, false and null"
  lock_or_refuse
  look; from=$running_system
  [ -n "$from" ] || refuse machine "no running NixOS system: /run/current-system is missing"
  pin wanted "$wanted_path"
  [ -f "$root$wanted_path/nixos-version" ] || { unpin; refuse closure "$wanted_path is not a NixOS system in this store"; }
  settings "$from"
  if [ "$require_signature" = true ] && ! signed "$wanted_path"; then
    unpin; refuse signature "no trusted key signed it: $(tail_of "$state/log")"
  fi
  settings "$wanted_path"
  new_mode=live reasons=$(inhibitors "$wanted_path")
  new_kernel "$(link "$root$wanted_path/kernel")"
  if [ -n "$reasons" ] || { [ -n "$kernel" ] && [ "$reboot" = allow ]; }; then
    new_mode=boot reasons=$(printf '%s\n%s\n' "$kernel" "$reasons" | awk 'NF { printf "%s%s", sep, $0; sep = ", " }')
  # NixOS' own checks, which touch nothing.
  elif [ -e "$root$wanted_path/switch-inhibitors" ] && ! bounded 60 "$root$wanted_path/bin/switch-to-configuration" check; then
    unpin; refuse inhibitors "NixOS refuses to switch to it: $(tail_of "$state/log")"
  fi
  read -r attempt </proc/sys/kernel/random/uuid
  boot_id
  wanted=$wanted_path token=$new_token recorded=$from boot=$boot_id kept=$generation_now mode=$new_mode
  # Switched to already, and only its kernel is not booted: what was booted is what to go back to.
  if [ "$mode" = boot ] && [ "$recorded" = "$wanted" ]; then recorded=$booted_system; fi
  rm -f "$state/confirm" "$state/failure" "$state/health" "$state/offer"
  { jot reasons "$reasons" && jot provenance "$offered"; } || { unpin; refuse state "cannot write to $state: is the disk full?"; }
  failed_units failed,auto-restart >"$state/failed.before"
  if [ "$mode" = live ] && [ "$wanted" = "$from" ] && [ "$wanted" = "$profile_system" ] && boots "$wanted"; then already; fi
  serving_units >"$state/serving"
  pin recorded "$recorded"
  enter starting || { unpin; refuse state "cannot write to $state: is the disk full?"; }
  start_unit || { finish failed "$(failure start systemd-run 1 "$(tail_of "$state/log")")"; answer; }
  exec 9>&-
  await waiting "$((switch_seconds * 2 + health_seconds * 2 + 180))"
}

# The wanted system runs and boots already: there is nothing to go back to, but it must be healthy to be confirmed.
already() {
  if healthy "$wanted"; then
    write offer "$token $wanted"
    finish current
  else
    finish failed "$(failure health "$wanted/etc/pantheros/checks" 1 "not healthy within $health_seconds s: $sick")"
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
      printf '{"outcome":"waiting","running":%s,"token":%s,"seconds":%s,"health":%s}\n' "$(json "$(running)")" "$(json "$token")" "$confirm_seconds" "${line:-[]}"
      exit 0
    fi
    if [ "$phase" = rebooting ]; then
      printf '{"outcome":"rebooting",%s,"bootId":%s,"token":%s}\n' "$(failure reboot "" 0 "$reasons")" "$(json "$boot")" "$(json "$token")"
      exit 0
    fi
    now; [ "$now" -lt "$end" ] || { printf '{"outcome":"failed",%s}\n' "$(failure "$phase" "" 1 "no end after $2 s; it goes on by itself")"; exit 1; }
    heard "$((end - now))"
  done
  answer
}
answer() {
  first_line "$state/last"
  printf '%s\n' "$line"
  case $line in '{"outcome":"confirmed"'* | '{"outcome":"current"'* | '{"outcome":"staged"'*) exit 0 ;; *) exit 1 ;; esac
}

confirm() {
  given=$1
  load
  if [ "$phase" = waiting ] && [ "$token" = "$given" ]; then
    jot confirm "$attempt" && ring confirm
    settings "$wanted"
    await never "$((switch_seconds * 2 + 180))"
  fi
  [ "$phase" = idle ] || refuse confirm "the activation under way ($phase) is not waiting for this token"
  lock_or_refuse
  first_line "$state/offer"
  look
  if [ -n "$line" ] && [ "$line" = "$given $running_system" ]; then
    rm -f "$state/offer"
    token=$given wanted=${line#* } recorded=${line#* }
    keep "" && finish confirmed && answer
  fi
  first_line "$state/committed"
  [ "$line" = "$given $running_system" ] || refuse confirm "nothing waits for this token"
  first_line "$state/last"
  case $line in '{"outcome":"confirmed"'*"\"token\":\"$given\""*) answer ;; esac
  printf '{"outcome":"confirmed",%s,"running":%s,"generation":%s,"token":%s}\n' \
    "$(failure "" "" 0 "")" "$(json "$running_system")" "${generation_now:-null}" "$(json "$given")"
}

rollback() {
  previous=$(link "$gcroots/pantheros-previous") || refuse rollback "no previously committed system is known on this host"
  read -r fresh </proc/sys/kernel/random/uuid
  activate "$previous" "${1:-rollback-$fresh}"
}
