# shellcheck shell=sh disable=SC2154,SC2034
# The only code that restores the recorded system. It repeats until that succeeds; only then is the result "rolled-back".

roll_back() {
  read_cause
  [ -n "$cause" ] || record_failure "$phase" "" 1 "the supervisor was terminated while $phase"
  if [ "$phase" = starting ]; then # nothing has changed yet
    [ "$(running)" != "$recorded" ] || finish_and_exit rolled-back "$cause"
    finish_and_exit failed "$cause"
  fi
  case $mode:$phase in boot:* | live:committing) undo=yes ;; esac
  set_phase rolling-back # continues even if the record cannot be written
  [ "$mode" != boot ] || roll_back_through_boot
  retry restore_recorded || give_up
  # The deploy was for the recorded system itself, while another one ran: it failed, and nothing was undone.
  [ "$recorded" != "$wanted" ] || finish_and_exit failed "$cause"
  finish_and_exit rolled-back "$cause"
}

# One try. True: the recorded system runs, its switch succeeded, its units serve, and the deploy user can log in.
# Sets problems (what is missing), command and code.
restore_recorded() {
  problems='' command="$recorded/bin/switch-to-configuration test"
  if [ "$undo" = yes ] && ! undo_commit; then problems="the machine boots ${next:-another system}: $(tail_of "$volatile/log"); "; fi
  now; wait_for_other_switch "$((end > now ? end - now : 1))"
  bounded "$switch_seconds" "$root$recorded/bin/switch-to-configuration" test; code=$?
  case $code in 0 | 4) ;; *) problems="$problems$(tail_of "$volatile/log"); " ;; esac
  start_lost_units
  [ "$(running)" = "$recorded" ] || problems="${problems}the running system is $(running); "
  problems=$problems$unit_problems$(login_problems)
  [ -z "$problems" ]
}
# Starts lost units by name: neither a switch back nor a boot starts every unit that served before.
start_lost_units() {
  find_lost_units
  # shellcheck disable=SC2086
  if [ -n "$missing$failing" ]; then bounded "$quick_seconds" systemctl start $missing $failing; find_lost_units; fi
}
# Sets missing (units that served before and do not now), failing (units that failed since) and unit_problems (both
# in words). A unit without a file was transient, and is not missing.
find_lost_units() {
  missing='' failing='' unit_problems='systemctl does not list units; '
  serving_units >"$volatile/serving" && failing=$(newly_failed failed,auto-restart) || return
  for name in $(not_in "$volatile/serving" <"$state/serving"); do
    ! systemctl cat "$name" >/dev/null 2>&1 || missing="$missing$name "
  done
  # Failed units matter only when the switch reports them, by its exit code 4.
  [ "$code" = 4 ] || failing=''
  unit_problems="${missing:+units that do not run again: $missing; }${failing:+failed units: $failing; }"
}

# Prints why the deploy user cannot log in, judged by the recorded system's files; nothing when it can.
login_problems() {
  etc=$root$recorded/etc
  for expected in "$etc"/ssh/sshd_config "$etc"/ssh/sshd_config.d/* "$etc/ssh/authorized_keys.d/${user:-root}" \
    "$etc"/pam.d/sshd "$etc"/sudoers "$etc/sudoers.d/$user"; do
    [ -f "$expected" ] || continue
    file=/etc${expected#"$etc"}
    [ "$(sha256sum <"$expected")" = "$(sha256sum 2>/dev/null <"$root$file")" ] || printf '%s is not as the old system has it; ' "$file"
  done
  [ -z "$user" ] || id -u "$user" >/dev/null 2>&1 || printf 'the account %s is missing; ' "$user"
}

# Restores the profile and the boot default from before the activation. Sets next, the boot default.
undo_commit() {
  read_links
  if [ -n "$recorded_generation" ] && [ "$generation" != "$recorded_generation" ]; then
    bounded 60 nix-env -p "$profile" --switch-generation "$recorded_generation"
  fi
  # A boot loader's menu has only the profile's systems, so the profile must name the recorded one.
  if [ "$mode" = boot ] && [ "$(profile_path)" != "$recorded" ]; then bounded 60 nix-env -p "$profile" --set "$recorded"; fi
  default=$(profile_path) undo_status=0
  [ -n "$default" ] || return 0
  # The profile still names the new system: at least the boot default becomes the old one.
  if [ "$default" = "$wanted" ] && [ "$recorded" != "$wanted" ]; then default=$recorded undo_status=1; fi
  bounded "$switch_seconds" "$root$default/bin/switch-to-configuration" boot && boots "$default" && return "$undo_status"
}

# Restoring the running machine did not succeed. If the old system runs and the deploy user can log in, the
# activation ends here; otherwise the machine reboots into the old system.
give_up() {
  if [ "$(running)" != "$recorded" ] || [ -n "$(login_problems)" ]; then
    next=$(boot_default)
    [ "$next" = "$wanted" ] || reboot_into_default
  fi
  finish_and_exit failed "$(failure_after "$cause" rollback "$command" "$code" "the old system could not be restored: ${problems}a reboot still boots it")"
}

# Reboots into the boot default; the next boot finishes the rollback. Returns only when no kind of reboot
# happens. Sets problems, command and code.
reboot_into_default() {
  phase_boot_id=$boot_id
  set_phase returning
  for force in '' --force '--force --force'; do
    # shellcheck disable=SC2086
    if bounded "$quick_seconds" systemctl reboot -i $force; then sleep "$reboot_seconds" 9>&-; fi
  done
  problems="the machine did not reboot: $(tail_of "$volatile/log"); "
  command='systemctl reboot' code=1
}
