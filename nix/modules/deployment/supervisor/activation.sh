# shellcheck shell=sh disable=SC2154,SC2034
# The activation, inside its unit: switch or reboot, check, wait for the confirmation, commit. When the unit
# ends early, also by a kill, systemd starts it again until the record is idle. The next run finishes a commit
# that had begun, and otherwise rolls back.

run() {
  lock_within "$quick_seconds" || exit 1
  load
  [ "$phase" != idle ] || { stop_timer; exit 0; }
  settings "$wanted"
  read_boot_id
  if [ "$phase_boot_id" != "$boot_id" ]; then
    after_boot
  elif [ "$phase" != starting ] && going_down; then
    exit 0 # the next boot continues
  fi
  [ "$phase" != committed ] || finish_commit
  read_cause
  [ -z "$cause" ] || roll_back
  case $phase in
    starting) if [ "$mode" = boot ]; then stage; else switch_live; fi; await_confirmation; commit ;;
    booting) await_confirmation; commit ;;
    committing) commit ;;
    *) roll_back ;;
  esac
}

switch_live() {
  wait_for_other_switch "$switch_seconds" || fail activate "flock $switch_lock" 1 "another switch on this host still ran after $switch_seconds s"
  advance switching
  run_step activate "$switch_seconds" "$root$wanted/bin/switch-to-configuration" test
  [ "$(running)" = "$wanted" ] || fail activate "$wanted/bin/switch-to-configuration test" 0 "it exited 0, but the running system is $(running)"
}
# wait_for_other_switch SECONDS: NixOS refuses a switch during another one, such as a nixos-rebuild by hand.
wait_for_other_switch() { [ ! -e "$switch_lock" ] || timeout -k 1 "$1" flock "$switch_lock" true 9>&-; }

await_confirmation() {
  advance checking
  healthy "$wanted" || fail health "$wanted/etc/pantheros/checks" 1 "not healthy within $health_seconds s: $failures"
  now; end=$((now + confirm_seconds)) # the window opens when the system is healthy
  subscribe confirm
  advance waiting
  until first_line "$state/confirm" && [ "$line" = "$attempt" ]; do
    now; [ "$now" -lt "$end" ] || fail confirm "confirm $token" 1 "no confirmation over a new connection within $confirm_seconds s"
    wait_notified "$((end - now))"
  done
  exec 8<&-
  failing=$(newly_failed)
  [ -z "$failing" ] || fail health "systemctl --failed" 1 "failed since the activation: $failing"
  [ "$(running)" = "$wanted" ] || fail confirm "confirm $token" 1 "before the confirmation, something else switched the host to $(running)"
}

# The system is confirmed. A run that ends early here is followed by one that repeats the commit.
commit() {
  undo=yes
  advance committing
  commit_to_boot
  undo=''
  advance committed
  finish_commit
}
finish_commit() {
  retry_forever record_committed "$recorded"
  finish_and_exit confirmed
}

# Makes the wanted system the newest generation and the boot default.
commit_to_boot() {
  run_step commit 60 nix-env -p "$profile" --set "$wanted"
  run_step commit "$switch_seconds" "$root$wanted/bin/switch-to-configuration" boot
  boots "$wanted" || fail commit "$wanted/bin/switch-to-configuration boot" 0 "it exited 0, but the machine would boot $next"
}
# boots SYSTEM: whether it is the boot default; true when the boot loader is unknown. Sets next.
boots() { next=$(boot_default); [ "${next:-$1}" = "$1" ]; }

# finish_and_exit OUTCOME [FAILURE]: the end of an activation.
finish_and_exit() { retry_forever finish "$@"; stop_timer; exit 0; }

# finish OUTCOME [FAILURE]: writes the result of this attempt, then sets the phase to idle, so that an idle host has
# its result. When the result cannot be written, last_result reports that.
finish() {
  read_boot_id
  read_links
  first_line "$state/health"; health=${line:-[]}
  first_line "$state/deploy.json"
  out="\"outcome\":\"$1\",${2:-$(failure "" "" 0 "")}"
  put_text wanted "$wanted" recorded "$recorded" token "$token" attempt "$attempt"
  put_text running "$running_system" booted "$booted_system" bootId "$boot_id" at "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  put generation "${generation:-null}"
  put_list failedUnits "$(failed_units)"
  # shellcheck disable=SC2086
  put_list missingUnits "${missing:+$(printf '%s\n' $missing)}"
  compare_kernel "$running_kernel"
  put_text waits "$kernel_change"
  put health "$health"
  put deploy "${line:-null}"
  write last "{$out}" || printf 'pantheros: cannot write %s: {%s}\n' "$state/last" "$out" >&2
  set_phase idle || return
  unpin
}

# Sets line to the result of the last attempt, '' when there was none. Never the result of an earlier attempt.
last_result() {
  first_line "$state/last"
  case $line in *"\"attempt\":\"$attempt\""*) return ;; esac
  if [ "$phase" != idle ] || [ -z "$attempt" ]; then return; fi
  out="\"outcome\":\"failed\",$(failure result "" 1 "the result of this attempt could not be written to $state/last")"
  put_text wanted "$wanted" recorded "$recorded" token "$token" attempt "$attempt" running "$(running)"
  line="{$out}"
}
