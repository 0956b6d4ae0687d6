# shellcheck shell=sh disable=SC2154,SC2034
# An activation through a reboot: for a new kernel, or components that cannot be exchanged while they run.
#
#   starting -> staging -> rebooting -| boot |-> booting -> checking -> waiting -> committing -> committed -> idle
#                  |                                 \-> rolling-back -> returning -| boot |-> idle
#                  \-> idle: the inventory forbids a reboot, so the system waits for one by hand ("staged")
#
# The record outlives the boot, and `resume` (a unit of every system, and each `status`) continues with it. When
# the boot loader can start an entry once, the old system stays the default until the commit, so the next power
# cycle leaves a new system that hangs before its services. With any boot loader, a new system whose services
# start is rolled back if it fails.

stage() {
  advance staging
  { [ "$reboot" = allow ] && trial_boot; } || commit_to_boot
  first_line "$state/reasons"
  if [ "$reboot" != allow ]; then
    retry_forever write staged "$token $wanted"
    finish_and_exit staged "$(failure reboot "" 0 "waits for a reboot by hand, because the inventory has reboot = never: $line")"
  fi
  advance rebooting
  sleep 1 9>&- # lets wait_for_phase answer the deployer
  bounded "$quick_seconds" systemctl reboot -i || fail reboot "systemctl reboot" 1 "$(tail_of "$volatile/log")"
  sleep "$reboot_seconds" 9>&- # the shutdown ends this process
  if going_down; then exit 0; fi
  fail reboot "systemctl reboot" 1 "the machine was still up after $reboot_seconds s"
}

# The next boot, and only that one, starts the wanted system. False: the boot loader cannot do that.
trial_boot() {
  run_step commit 60 nix-env -p "$profile" --set "$wanted"
  find_boot_loader
  if [ -n "$boot_loader" ] && boots "$recorded" && bounded "$quick_seconds" "$boot_loader" once "$wanted"; then return; fi
  for entries in "$root"/boot/loader/entries "$root"/efi/loader/entries "$root"/boot/efi/loader/entries; do
    [ -d "$entries" ] || continue
    add_to_menu || return 1
    entry=$(grep -lF "init=$wanted/init" "$entries"/*.conf 2>/dev/null | tail -n 1)
    [ -n "$entry" ] && bounded 30 bootctl set-oneshot "${entry##*/}"
    return
  done
  grub_can_start_once && add_to_menu || return 1
  entry=$(grub_entry "$wanted") && [ -n "$entry" ] && grub_start_once "$entry"
}
# Writes the menu with the profile's systems, the wanted one among them; the old system is the default.
add_to_menu() { bounded "$switch_seconds" "$root$recorded/bin/switch-to-configuration" boot && boots "$recorded"; }

# NixOS' grub.cfg starts the entry in `next_entry` and first removes that variable (install-grub.pl,
# since 21.05; `saved_entry` is a different variable, which it reads only with `default = "saved"`).
# GRUB can write its environment block only on a plain partition, and not on btrfs (GRUB manual,
# "Environment block"). Elsewhere the entry would be started at every boot.
grub_can_start_once() {
  [ -f "$root/boot/grub/grub.cfg" ] && grep -q '^ *save_env next_entry' "$root/boot/grub/grub.cfg" || return 1
  case "$(findmnt --noheadings --output FSTYPE,SOURCE --target "$root/boot/grub" 2>/dev/null)" in
    *\ /dev/mapper/* | *\ /dev/dm-* | *\ /dev/md*) return 1 ;;
    vfat\ * | ext[234]\ *) ;;
    *) return 1 ;;
  esac
}

# grub_entry SYSTEM: prints GRUB's name of the last entry that starts it, SUBMENU>TITLE.
grub_entry() {
  awk -v init="init=$1/init" '
    function title() { split($0, part, "\""); return part[2] }
    /^submenu "/ { menu = title() ">" }
    /^ *menuentry "/ { entry = title() }
    index($0 " ", init " ") { found = menu entry }
    END { print found }' "$root/boot/grub/grub.cfg"
}

# grub_start_once [ENTRY]: ENTRY is started once; without it, nothing is. Other variables stay. The block always
# has 1024 bytes.
grub_start_once() {
  env=$root/boot/grub/grubenv
  {
    echo '# GRUB Environment Block'
    [ ! -f "$env" ] || sed -n '/^[^#=]*=/{/^next_entry=/!p;}' "$env"
    [ -z "${1:-}" ] || echo "next_entry=$1"
  } >"$env.new"
  padding=$((1024 - $(wc -c <"$env.new")))
  if [ "$padding" -lt 0 ]; then rm -f "$env.new"; return 1; fi
  printf "%${padding}s" '' | tr ' ' '#' >>"$env.new"
  mv -f "$env.new" "$env" && timeout "$quick_seconds" sync
}

cancel_trial_boot() {
  find_boot_loader
  [ -z "$boot_loader" ] || bounded "$quick_seconds" "$boot_loader" cancel
  ! grep -q '^next_entry=.' "$root/boot/grub/grubenv" 2>/dev/null || grub_start_once
  for variable in "$root"/sys/firmware/efi/efivars/LoaderEntryOneShot-*; do
    [ ! -e "$variable" ] || bounded 30 bootctl set-oneshot ''
  done
}

# The machine went down during the activation. Returns when the activation continues, with its phase set.
after_boot() {
  came_up=$(running)
  read_cause
  case $mode:$phase in
    *:committed) return ;;
    *:returning) finish_returned ;;
    *:committing) if [ "$came_up" = "$wanted" ] && [ -z "$cause" ]; then phase_boot_id=$boot_id; return; fi ;;
    boot:staging | boot:rebooting)
      [ -z "$cause" ] || roll_back # the rollback had begun before the reboot
      if [ "$(booted)" != "$wanted" ] || [ "$came_up" != "$wanted" ]; then
        fail reboot "systemctl reboot" 1 "the machine came up with $(booted) instead of the new system"
      fi
      phase_boot_id=$boot_id
      advance booting
      wait_for_boot
      return ;;
  esac
  [ "$mode" = boot ] || finish_interrupted
  [ -n "$cause" ] || fail "$phase" "" 1 "the machine went down while $phase"
  roll_back
}
# Waits until the start has ended. Its result does not count: one unit that failed long ago makes it "degraded".
wait_for_boot() { bounded "$reboot_seconds" systemctl is-system-running --wait; }

# A reboot interrupted a live switch: the machine booted the old system, or one that was chosen by hand.
finish_interrupted() {
  case $phase:$undo in committing:* | *:yes) undo_commit ;; esac
  finish_and_exit interrupted "$(failure_after "$cause" "$phase" "" 1 "the machine rebooted while $phase; it booted $(booted)")"
}

# The machine rebooted to roll back.
finish_returned() {
  wait_for_boot
  code=0
  start_lost_units
  problems=$unit_problems$(login_problems)
  if [ "$undo" = yes ] && ! retry undo_commit; then problems="${problems}the profile names $(profile_path); "; fi
  [ "$came_up" = "$recorded" ] || problems="the machine came up with $came_up instead of the old system; $problems"
  [ -n "$problems" ] || finish_and_exit rolled-back "$cause"
  finish_and_exit failed "$(failure_after "$cause" rollback "systemctl reboot" 1 "$problems")"
}

roll_back_through_boot() {
  rm -f "$state/staged"
  cancel_trial_boot
  command="$recorded/bin/switch-to-configuration boot" code=0
  retry undo_commit || code=1
  if [ "$(running)" = "$recorded" ] && [ "$code" = 0 ]; then finish_and_exit rolled-back "$cause"; fi
  # When the new system never booted, the machine still runs what ran before. An unreadable link may hide a boot.
  came_up=$(booted)
  case $came_up:$code in "$wanted:"* | :* | *:1) ;; *) finish_and_exit failed "$cause" ;; esac
  if [ "$(running)" != "$recorded" ] && boots "$recorded"; then reboot_into_default; fi
  finish_and_exit failed "$(failure_after "$cause" rollback "$command" "$code" "${problems:-}the machine runs $(running) and boots ${next:-what its boot loader says}: $(tail_of "$volatile/log")")"
}

# Continues an activation that a boot, or the end of its unit, interrupted. False: there is nothing to continue.
resume() {
  load
  if [ "$phase" = idle ] || unit_is_active; then return 1; fi
  open_lock
  take_lock 5 && load && [ "$phase" != idle ] && ! unit_is_active && settings "$wanted"; resumed=$?
  [ "$resumed" != 0 ] || start_unit
  exec 9>&-
  return "$resumed"
}
