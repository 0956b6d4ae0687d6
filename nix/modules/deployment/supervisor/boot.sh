# shellcheck shell=sh disable=SC2154,SC2034
# Through a reboot: for a system with another kernel, or with components that cannot be exchanged while they run.
#
#   starting -> staging -> rebooting -| boot |-> checking -> waiting -> committing -> idle
#                  |                                 \-> rolling-back -> returning -| boot |-> idle
#                  \-> idle: where the inventory forbids a reboot, the system waits for somebody's ("staged")
#
# The record outlives the boot, and `resume` (a unit of every system, and each `status`) goes on with it. With a boot loader
# that can start an entry once, the old system stays the default until the commit, so a new one that never gets as far as
# its services is left by the next power cycle. With any other, what fails after the boot goes back by itself all the same.

stage() {
  enter staging
  if [ "$reboot" = allow ] && trial_boot; then :; else commit_to_boot; fi
  first_line "$state/reasons"
  if [ "$reboot" != allow ]; then
    write staged "$token $wanted"
    finish staged "$(failure reboot "" 0 "waits for a reboot, which the inventory forbids a deploy: $line")"
    exit 0
  fi
  enter rebooting
  sleep 1 9>&- # for the answer to whoever asked
  reboot_now
  # Here this is ended by the shutdown.
  sleep "$reboot_seconds" 9>&-
  if going_down; then exit 0; fi
  fail reboot "systemctl reboot" 1 "the machine was still up after $reboot_seconds s"
}

reboot_now() { bounded 60 systemctl reboot -i || fail reboot "systemctl reboot" 1 "$(tail_of "$state/log")"; }

# The old system stays the default, the new one is in the menu and started once. False: this loader can't, or won't.
trial_boot() {
  must commit 60 nix-env -p "$profile" --set "$wanted"
  if [ -L "$root/boot/pantheros-default" ]; then # the sandbox's boot loader
    boots "$recorded" && ln -sfn "$wanted" "$root/boot/pantheros-once" && sync
    return
  fi
  for entries in "$root"/boot/loader/entries "$root"/efi/loader/entries "$root"/boot/efi/loader/entries; do
    [ -d "$entries" ] || continue
    bounded "$switch_seconds" "$root$recorded/bin/switch-to-configuration" boot && boots "$recorded" || return 1
    entry=$(grep -lF "init=$wanted/init" "$entries"/*.conf 2>/dev/null | tail -n 1)
    [ -n "$entry" ] && bounded 30 bootctl set-oneshot "${entry##*/}"
    return
  done
  return 1
}

# After a boot: which system came up?
arrive() {
  ended=$phase
  [ ! -s "$state/failure" ] || exit 1 # it was on its way back already
  case $ended in
    staging | rebooting) ;;
    *) fail "$ended" "" 1 "the machine went down while $ended" ;;
  esac
  if [ "$(booted)" != "$wanted" ] || [ "$(running)" != "$wanted" ]; then
    fail reboot "systemctl reboot" 1 "the machine came up with $(booted) instead of the new system"
  fi
  boot=$boot_id
  enter booting
  # Not for its verdict (one unit that failed long ago makes "degraded"), but for the end of the start.
  bounded "$reboot_seconds" systemctl is-system-running --wait
}

# settle, where the way back is a boot; `ended` and `cause` are known.
back_through_boot() {
  boot_id
  rm -f "$state/staged" "$root/boot/pantheros-once"
  undo_commit
  case $ended:$boot in
    starting:* | staging:"$boot_id" | rebooting:"$boot_id") finish rolled-back "$cause"; return ;; # it never went down
  esac
  if [ "$(running)" = "$recorded" ]; then finish rolled-back "$cause"; return; fi
  if [ "$(running)" = "$wanted" ] && boots "$recorded" && [ "$(profile_path)" = "$recorded" ]; then
    boot=$boot_id
    enter returning
    bounded 60 systemctl reboot -i || bounded 60 systemctl reboot --force || finish failed "$(failure rollback "systemctl reboot" 1 "$(tail_of "$state/log"); $recorded is what a reboot boots")"
    return
  fi
  finish failed "$(failure rollback "$recorded/bin/switch-to-configuration boot" 1 "the machine runs $(running) and boots ${next:-what its loader says}: $(tail_of "$state/log")")"
}

# Goes on after a boot with what was under way before it; nothing to do at any other time.
resume() {
  open_lock
  load
  boot_id
  if [ "$phase" = idle ] || [ "$mode" != boot ] || [ "$boot" = "$boot_id" ]; then return; fi
  take_lock 2 || return # held by what is about to do it
  load
  [ "$phase" != idle ] && [ "$boot" != "$boot_id" ] || return
  if [ "$phase" != returning ]; then
    settings "$wanted"
    if unit_lives || start_unit; then exec 9>&-; return; fi
    finish failed "$(failure start systemd-run 1 "$(tail_of "$state/log")")"
    return
  fi
  first_line "$state/failure"
  if [ "$(running)" = "$recorded" ]; then finish rolled-back "$line"; return; fi
  finish failed "$(failure rollback "systemctl reboot" 1 "the machine came up with $(running) instead of the system from before")"
}
