# shellcheck shell=sh disable=SC2154,SC2034
# The way back: the one place that puts the recorded system back. It is tried until it went well, and reported only as it went.

go_back() {
  first_cause
  [ -n "$cause" ] || record_failure "$phase" "" 1 "the supervisor was ended while $phase"
  if [ "$phase" = starting ]; then unchanged; fi
  case $mode:$phase in boot:* | live:committing) undo=yes ;; esac
  set_phase rolling-back # where it cannot be written: go on
  if [ "$mode" = boot ]; then back_through_boot; fi
  for_a_while went_back || give_up
  # Back at what was wanted itself, the confirmed system of a host that ran another one: not what the deploy asked for.
  [ "$recorded" != "$wanted" ] || finished failed "$cause"
  finished rolled-back "$cause"
}
# for_a_while COMMAND: again until it succeeds, with growing pauses. False: it has not until `end`.
for_a_while() {
  now; end=$((now + switch_seconds + minute)); pause=1
  until "$@"; do
    now; [ "$now" -lt "$end" ] || return
    sleep "$pause" 9>&-
    [ "$pause" -ge 30 ] || pause=$((pause * 2))
  done
}
unchanged() { if [ "$(running)" = "$recorded" ]; then finished rolled-back "$cause"; else finished failed "$cause"; fi; }
finished() { insist finish "$@"; disarm; exit 0; }

# One try. True: the recorded system runs, its switch ended well, its units serve, and the deploy user can log in. Otherwise
# `trouble` says what is missing.
went_back() {
  trouble='' command="$recorded/bin/switch-to-configuration test"
  if [ "$undo" = yes ] && ! undo_commit; then trouble="the machine boots ${next:-another system}: $(tail_of "$volatile/log"); "; fi
  now; free_of_switches "$((end > now ? end - now : 1))"
  bounded "$switch_seconds" "$root$recorded/bin/switch-to-configuration" test; code=$?
  case $code in 0 | 4) ;; *) trouble="$trouble$(tail_of "$volatile/log"); " ;; esac
  start_lost
  [ "$(running)" = "$recorded" ] || trouble="${trouble}the running system is $(running); "
  trouble=$trouble$lost$(no_login)
  [ -z "$trouble" ]
}
# A switch back, or a boot, starts fewer units than what served before: it is started by name.
start_lost() {
  lost_units
  # shellcheck disable=SC2086
  if [ -n "$missing$failing" ]; then bounded "$minute" systemctl start $missing $failing; lost_units; fi
}
# What served before and does not now, and what has failed since; `lost` is the same in words. Units that have no file were somebody's for
# a time, and are not looked for.
lost_units() {
  missing='' failing='' lost='systemctl does not list units; '
  serving_units >"$volatile/serving" && failing=$(newly_failed failed,auto-restart) || return
  for name in $(not_in "$volatile/serving" <"$state/serving"); do
    ! systemctl cat "$name" >/dev/null 2>&1 || missing="$missing$name "
  done
  # The switch ends with 4 when any unit has failed, perhaps long ago.
  [ "$code" = 4 ] || failing=''
  lost="${missing:+not running again: $missing; }${failing:+failed units: $failing; }"
}

# Why the deploy user could not log in, compared with the recorded system: nothing printed when it can.
no_login() {
  etc=$root$recorded/etc
  for own in "$etc"/ssh/sshd_config "$etc"/ssh/sshd_config.d/* "$etc/ssh/authorized_keys.d/${user:-root}" "$etc"/pam.d/sshd "$etc"/sudoers "$etc/sudoers.d/$user"; do
    [ -f "$own" ] || continue
    file=/etc${own#"$etc"}
    [ "$(sha256sum <"$own")" = "$(sha256sum 2>/dev/null <"$root$file")" ] || printf '%s is not the one from before; ' "$file"
  done
  [ -z "$user" ] || id -u "$user" >/dev/null 2>&1 || printf 'there is no account %s; ' "$user"
}

# The profile's generation and the boot default from before the activation.
undo_commit() {
  read_links
  if [ -n "$kept" ] && [ "$generation_now" != "$kept" ]; then bounded 60 nix-env -p "$profile" --switch-generation "$kept"; fi
  # What came after it in the profile was never confirmed; and a loader's menu has the systems of the profile only.
  if [ "$mode" = boot ] && [ "$(profile_path)" != "$recorded" ]; then bounded 60 nix-env -p "$profile" --set "$recorded"; fi
  before=$(profile_path) undone=0
  [ -n "$before" ] || return 0
  # The profile could not be moved: at least the machine boots the old system.
  if [ "$before" = "$wanted" ] && [ "$recorded" != "$wanted" ]; then before=$recorded undone=1; fi
  bounded "$switch_seconds" "$root$before/bin/switch-to-configuration" boot && boots "$before" && return "$undone"
}

# The old system does not come back under the running one. Where it can be deployed to all the same, that is the end; a machine that
# is cut off reboots into it.
give_up() {
  if [ "$(running)" != "$recorded" ] || [ -n "$(no_login)" ]; then
    next=$(boot_default)
    [ "$next" = "$wanted" ] || reboot_back
  fi
  finished failed "$(failure_after "$cause" rollback "$command" "$code" "the old system did not come back: ${trouble}it is still what a reboot boots")"
}

# Reboots into what the machine boots; the next boot tells the end. Only where no kind of reboot happens this returns.
reboot_back() {
  boot=$boot_id
  set_phase returning
  for force in '' --force '--force --force'; do
    # shellcheck disable=SC2086
    if bounded "$minute" systemctl reboot -i $force; then sleep "$reboot_seconds" 9>&-; fi
  done
  trouble="the machine did not reboot: $(tail_of "$volatile/log"); "
  command='systemctl reboot' code=1
}
