# shellcheck shell=sh disable=SC2154,SC2034
# Through a reboot: for a system with another kernel, or with components that cannot be exchanged while they run.
#
#   starting -> staging -> rebooting -| boot |-> booting -> checking -> waiting -> committing -> committed -> idle
#                  |                                 \-> rolling-back -> returning -| boot |-> idle
#                  \-> idle: where the inventory forbids a reboot, the system waits for somebody's ("staged")
#
# The record outlives the boot, and `resume` (a unit of every system, and each `status`) continues with it. With a boot loader
# that can start an entry once, the old system stays the default until the commit, so a new one that never gets as far as
# its services is left by the next power cycle. With any other, what fails after the boot goes back by itself all the same.

stage() {
  advance staging
  if [ "$reboot" = allow ] && trial_boot; then :; else commit_to_boot; fi
  first_line "$state/reasons"
  if [ "$reboot" != allow ]; then
    insist write staged "$token $wanted"
    finished staged "$(failure reboot "" 0 "waits for a reboot, which the inventory forbids a deploy: $line")"
  fi
  advance rebooting
  sleep 1 9>&- # for the answer to the deployer
  bounded "$minute" systemctl reboot -i || fail reboot "systemctl reboot" 1 "$(tail_of "$volatile/log")"
  # The shutdown ends this here.
  sleep "$reboot_seconds" 9>&-
  if going_down; then exit 0; fi
  fail reboot "systemctl reboot" 1 "the machine was still up after $reboot_seconds s"
}

# The old system stays the default, the new one is in the menu and started once. False: this loader cannot do it.
trial_boot() {
  must commit 60 nix-env -p "$profile" --set "$wanted"
  if [ -L "$root/boot/pantheros-default" ]; then # the sandbox's boot loader
    boots "$recorded" && ln -sfn "$wanted" "$root/boot/pantheros-once" && timeout "$minute" sync
    return
  fi
  for entries in "$root"/boot/loader/entries "$root"/efi/loader/entries "$root"/boot/efi/loader/entries; do
    [ -d "$entries" ] || continue
    bounded "$switch_seconds" "$root$recorded/bin/switch-to-configuration" boot && boots "$recorded" || return 1
    entry=$(grep -lF "init=$wanted/init" "$entries"/*.conf 2>/dev/null | tail -n 1)
    [ -n "$entry" ] && bounded 30 bootctl set-oneshot "${entry##*/}"
    return
  done
  grub_can_trial || return 1
  bounded "$switch_seconds" "$root$recorded/bin/switch-to-configuration" boot && boots "$recorded" || return 1
  entry=$(grub_entry "$wanted") && [ -n "$entry" ] && grub_next "$entry"
}

# NixOS' grub.cfg starts what `saved_entry` names and takes the name away first (install-grub.pl), where GRUB can write its
# environment block: on a plain partition, and not on btrfs (GRUB manual, "Environment block"). One that stayed would be started
# for ever.
grub_can_trial() {
  [ -f "$root/boot/grub/grub.cfg" ] && grep -q '^ *save_env saved_entry' "$root/boot/grub/grub.cfg" || return 1
  case "$(findmnt --noheadings --output FSTYPE,SOURCE --target "$root/boot/grub" 2>/dev/null)" in
    *\ /dev/mapper/* | *\ /dev/dm-* | *\ /dev/md*) return 1 ;;
    vfat\ * | ext[234]\ *) ;;
    *) return 1 ;;
  esac
}

# grub_entry SYSTEM: how GRUB calls the entry that starts it, SUBMENU>TITLE; the last one, where it has several.
grub_entry() {
  awk -v init="init=$1/init" '
    function title() { split($0, part, "\""); return part[2] }
    /^submenu "/ { menu = title() ">" }
    /^ *menuentry "/ { entry = title() }
    index($0 " ", init " ") { found = menu entry }
    END { print found }' "$root/boot/grub/grub.cfg"
}

# grub_next [ENTRY]: what GRUB starts once, or nothing; other variables stay. The block has 1024 bytes, always.
grub_next() {
  env=$root/boot/grub/grubenv
  {
    echo '# GRUB Environment Block'
    [ ! -f "$env" ] || sed -n '/^[^#=]*=/{/^saved_entry=/!p;}' "$env"
    [ -z "${1:-}" ] || echo "saved_entry=$1"
  } >"$env.new"
  room=$((1024 - $(wc -c <"$env.new")))
  if [ "$room" -lt 0 ]; then rm -f "$env.new"; return 1; fi
  printf "%${room}s" '' | tr ' ' '#' >>"$env.new"
  mv -f "$env.new" "$env" && timeout "$minute" sync
}

# What was to be started once is not any more.
forget_trial() {
  rm -f "$root/boot/pantheros-once"
  ! grep -q '^saved_entry=.' "$root/boot/grub/grubenv" 2>/dev/null || grub_next
  for variable in "$root"/sys/firmware/efi/efivars/LoaderEntryOneShot-*; do
    [ ! -e "$variable" ] || bounded 30 bootctl set-oneshot ''
  done
}

# The machine went down in the middle of it: which system came up? Returns where the activation continues.
after_boot() {
  now_runs=$(running)
  first_cause
  case $mode:$phase in
    *:committed) return ;;
    *:returning) returned ;;
    *:committing) if [ "$now_runs" = "$wanted" ] && [ -z "$cause" ]; then boot=$boot_id; return; fi ;;
    boot:staging | boot:rebooting)
      [ -z "$cause" ] || go_back # it was on its way back already
      if [ "$(booted)" != "$wanted" ] || [ "$now_runs" != "$wanted" ]; then
        fail reboot "systemctl reboot" 1 "the machine came up with $(booted) instead of the new system"
      fi
      boot=$boot_id
      advance booting
      started_up
      return ;;
  esac
  [ "$mode" = boot ] || interrupted
  [ -n "$cause" ] || fail "$phase" "" 1 "the machine went down while $phase"
  go_back
}
# Not for its verdict (one unit that failed long ago makes "degraded"), but for the end of the start.
started_up() { bounded "$reboot_seconds" systemctl is-system-running --wait; }

# A live switch that a reboot cut short: the machine booted the old system, or what it boots by somebody's hand.
interrupted() {
  case $phase:$undo in committing:* | *:yes) undo_commit ;; esac
  finished interrupted "$(failure_after "$cause" "$phase" "" 1 "the machine rebooted while $phase; it booted $(booted)")"
}

# The machine booted to go back.
returned() {
  started_up
  code=0
  start_lost
  trouble=$lost$(no_login)
  if [ "$undo" = yes ] && ! for_a_while undo_commit; then trouble="${trouble}the profile names $(profile_path); "; fi
  [ "$now_runs" = "$recorded" ] || trouble="the machine came up with $now_runs instead of the system from before; $trouble"
  [ -n "$trouble" ] || finished rolled-back "$cause"
  finished failed "$(failure_after "$cause" rollback "systemctl reboot" 1 "$trouble")"
}

# The way back where it is a boot.
back_through_boot() {
  rm -f "$state/staged"
  forget_trial
  command="$recorded/bin/switch-to-configuration boot" code=0
  for_a_while undo_commit || code=1
  if [ "$(running)" = "$recorded" ] && [ "$code" = 0 ]; then finished rolled-back "$cause"; fi
  # It never went down: what ran before runs. Where that cannot be read, it may have.
  now_booted=$(booted)
  case $now_booted:$code in "$wanted:"* | :* | *:1) ;; *) finished failed "$cause" ;; esac
  if [ "$(running)" != "$recorded" ] && boots "$recorded"; then reboot_back; fi
  finished failed "$(failure_after "$cause" rollback "$command" "$code" "${trouble:-}the machine runs $(running) and boots ${next:-what its loader says}: $(tail_of "$volatile/log")")"
}

# Continues after a boot, or after the end of everything that was to do so. False: there was nothing to do.
resume() {
  load
  if [ "$phase" = idle ] || unit_lives; then return 1; fi
  open_lock
  take_lock 5 && load && [ "$phase" != idle ] && ! unit_lives && settings "$wanted"; resuming=$?
  [ "$resuming" != 0 ] || start_unit
  exec 9>&-
  return "$resuming"
}
