# shellcheck shell=sh disable=SC2154,SC2034
# An activation inside its unit: `run` goes forward, `settle` is the one place that goes back.

run() {
  lock_within 60 || exit 1
  load
  settings "$wanted"
  boot_id
  if [ "$boot" != "$boot_id" ]; then
    arrive
  elif [ "$mode" = boot ]; then
    stage # never returns: the unit of the next boot goes on
  else
    switch_live
  fi
  enter checking
  healthy "$wanted" || fail health "$wanted/etc/pantheros/checks" 1 "not healthy within $health_seconds s: $sick"
  now; end=$((now + confirm_seconds)) # the window starts when the system is healthy
  listen confirm
  enter waiting
  until first_line "$state/confirm" && [ "$line" = "$attempt" ]; do
    now; [ "$now" -lt "$end" ] || fail confirm "confirm $token" 1 "nobody confirmed over a fresh connection within $confirm_seconds s"
    heard "$((end - now))"
  done
  exec 8<&-
  failing=$(newly_failed)
  [ -z "$failing" ] || fail health "systemctl --failed" 1 "failed since the activation: $failing"
  [ "$(running)" = "$wanted" ] || fail confirm "confirm $token" 1 "somebody switched the host inside the window, to $(running)"
  enter committing
  look; before=$profile_system
  commit_to_boot
  keep "$before"
  finish confirmed
}

switch_live() {
  enter switching
  must activate "$switch_seconds" "$root$wanted/bin/switch-to-configuration" test
  [ "$(running)" = "$wanted" ] || fail activate "$wanted/bin/switch-to-configuration test" 0 "it exited 0, but the running system is $(running)"
}

# The wanted system becomes the newest generation, and what the machine boots.
commit_to_boot() {
  must commit 60 nix-env -p "$profile" --set "$wanted"
  must commit "$switch_seconds" "$root$wanted/bin/switch-to-configuration" boot
  boots "$wanted" || fail commit "$wanted/bin/switch-to-configuration boot" 0 "it exited 0, but the machine would boot $next"
}
boots() { next=$(boot_default); [ "${next:-$1}" = "$1" ]; } # true also where the boot loader's files say nothing

undo_commit() {
  look
  if [ -n "$kept" ] && [ "$generation_now" != "$kept" ]; then bounded 60 nix-env -p "$profile" --switch-generation "$kept"; fi
  # What came after it in the profile was never confirmed; and a loader's menu has the systems of the profile only.
  if [ "$mode" = boot ] && [ "$(profile_path)" != "$recorded" ]; then bounded 60 nix-env -p "$profile" --set "$recorded"; fi
  before=$(profile_path)
  [ -z "$before" ] || bounded "$switch_seconds" "$root$before/bin/switch-to-configuration" boot
}

settle() {
  lock_within 60 || exit 1
  load
  [ "$phase" != idle ] && [ "$phase" != returning ] || exit 0
  # The machine is going down. It boots the old system, and the next `status` says "interrupted"; or that is what was asked.
  if going_down; then exit 0; fi
  settings "$wanted"
  ended=$phase
  # systemd says how it ended; EXIT_STATUS is the name of a signal where it was one. Kept: a way back may need a reboot.
  [ -s "$state/failure" ] || write failure "$(failure "$phase" "" 1 "the supervisor was ended while $phase (${SERVICE_RESULT:-} ${EXIT_STATUS:-})")"
  first_line "$state/failure"; cause=$line
  enter rolling-back
  if [ "$mode" = boot ]; then back_through_boot; exit 0; fi
  if [ "$ended" = committing ]; then undo_commit; fi
  command="$recorded/bin/switch-to-configuration test"
  bounded "$switch_seconds" "$root$recorded/bin/switch-to-configuration" test; code=$?
  missing_units
  # A switch back restarts fewer units than the switch forward did, so what served before is started by name.
  # shellcheck disable=SC2086
  if [ -n "$missing" ]; then timeout 60 systemctl start $missing >/dev/null 2>&1 9>&-; missing_units; fi
  if [ "$(running)" = "$recorded" ]; then finish rolled-back "$cause"; exit 0; fi
  finish failed "$(failure rollback "$command" "$code" "the old system did not come back: $(tail_of "$state/log"); it is still what a reboot boots")"
}
missing_units() {
  serving_units >"$state/serving.after"
  missing=$(not_in "$state/serving.after" <"$state/serving")
}
