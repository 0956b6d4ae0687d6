# shellcheck shell=sh disable=SC2154,SC2034
# An activation inside its unit. Forward: switch (or reboot), health, confirmation, commit. Whatever ends that, this program itself
# included, is followed by another `run`, as long as the record is not idle: it finishes a commit that had begun, or goes back.

run() {
  lock_within "$minute" || exit 1
  load
  [ "$phase" != idle ] || { disarm; exit 0; }
  settings "$wanted"
  boot_id
  if [ "$boot" != "$boot_id" ]; then
    after_boot
  elif [ "$phase" != starting ] && going_down; then
    exit 0 # continued after the boot
  fi
  [ "$phase" != committed ] || finish_commit
  first_cause
  [ -z "$cause" ] || go_back
  case $phase in
    starting) if [ "$mode" = boot ]; then stage; else switch_live; fi; await_confirmation; commit ;;
    booting) await_confirmation; commit ;;
    committing) commit ;;
    *) go_back ;;
  esac
}

switch_live() {
  free_of_switches "$switch_seconds" || fail activate "flock $switch_lock" 1 "another switch on this host has not ended for $switch_seconds s"
  advance switching
  must activate "$switch_seconds" "$root$wanted/bin/switch-to-configuration" test
  [ "$(running)" = "$wanted" ] || fail activate "$wanted/bin/switch-to-configuration test" 0 "it exited 0, but the running system is $(running)"
}
# NixOS lets one switch run at a time, and refuses a second at once: an automatic upgrade's, or a person's nixos-rebuild.
free_of_switches() { [ ! -e "$switch_lock" ] || timeout -k 1 "$1" flock "$switch_lock" true 9>&-; }

await_confirmation() {
  advance checking
  healthy "$wanted" || fail health "$wanted/etc/pantheros/checks" 1 "not healthy within $health_seconds s: $failures"
  now; end=$((now + confirm_seconds)) # the window starts when the system is healthy
  listen confirm
  advance waiting
  until first_line "$state/confirm" && [ "$line" = "$attempt" ]; do
    now; [ "$now" -lt "$end" ] || fail confirm "confirm $token" 1 "nobody confirmed over a fresh connection within $confirm_seconds s"
    wait_notified "$((end - now))"
  done
  exec 8<&-
  failing=$(newly_failed)
  [ -z "$failing" ] || fail health "systemctl --failed" 1 "failed since the activation: $failing"
  [ "$(running)" = "$wanted" ] || fail confirm "confirm $token" 1 "somebody switched the host inside the window, to $(running)"
}

# From here on the system is confirmed: a run that is cut short is followed by one that does the same again.
commit() {
  undo=yes
  advance committing
  commit_to_boot
  undo=''
  advance committed
  finish_commit
}
finish_commit() {
  insist record_committed "$recorded"
  insist finish confirmed
  disarm
  exit 0
}

# The wanted system becomes the newest generation, and what the machine boots.
commit_to_boot() {
  must commit 60 nix-env -p "$profile" --set "$wanted"
  must commit "$switch_seconds" "$root$wanted/bin/switch-to-configuration" boot
  boots "$wanted" || fail commit "$wanted/bin/switch-to-configuration boot" 0 "it exited 0, but the machine would boot $next"
}
boots() { next=$(boot_default); [ "${next:-$1}" = "$1" ]; } # true also where the boot loader's files say nothing
