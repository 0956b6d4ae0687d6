# shellcheck shell=sh disable=SC2154,SC2034
# The current state of this machine.

systemctl() { timeout "$quick_seconds" systemctl "$@"; } # D-Bus may hang

# A rollback depends on these links, so a readlink that fails is tried a second time.
read_link() { readlink "$1" 2>/dev/null || { [ -L "$1" ] && readlink "$1"; }; }
running() { read_link "$root/run/current-system"; }
booted() { read_link "$root/run/booted-system"; }
profile_path() { entry=$(read_link "$profile") && read_link "${profile%/*}/${entry##*/}"; }
going_down() { [ "$(systemctl is-system-running 2>/dev/null)" = stopping ]; }
now() { read -r now _ </proc/uptime; now=${now%%.*}; } # sets now: seconds that no change of the clock moves
read_boot_id() { read -r boot_id <"$root/proc/sys/kernel/random/boot_id"; } # sets boot_id
# Sets machine_id and line; '' while the machine has none (machine-id(5): "uninitialized" during its
# first boot).
read_machine_id() {
  first_line "$root/etc/machine-id"; machine_id=$line
  case $machine_id in *[!0-9a-f]*) machine_id='' ;; esac
}

# Sets running_system, booted_system, profile_system, generation (a number), running_kernel and booted_kernel;
# '' for a missing link. Two processes instead of some twenty, because every probe reads these.
read_links() {
  running_system='' booted_system='' profile_system='' entry='' running_kernel='' booted_kernel=''
  while read -r listing; do
    target=${listing##* -> }
    case $listing in
      *" $root/run/current-system -> "*) running_system=$target ;;
      *" $root/run/booted-system -> "*) booted_system=$target ;;
      *" $profile -> "*) entry=${target##*/} ;;
    esac
  done <<LINKS
$(ls -ld "$root/run/current-system" "$root/run/booted-system" "$profile" 2>/dev/null)
LINKS
  while read -r listing; do
    target=${listing##* -> }
    case $listing in *" ${profile%/*}/${entry:-none} -> "*) profile_system=$target ;; esac
    case $listing in *" $root${running_system:-/none}/kernel -> "*) running_kernel=$target ;; esac
    case $listing in *" $root${booted_system:-/none}/kernel -> "*) booted_kernel=$target ;; esac
  done <<LINKS
$(ls -ld "$root${running_system:-/none}/kernel" "$root${booted_system:-/none}/kernel" "${profile%/*}/${entry:-none}" 2>/dev/null)
LINKS
  generation=${entry#system-} generation=${generation%-link}
  case $generation in *[!0-9]*) generation='' ;; esac
}

# failed_units [STATES]: names of failed units that still have a file. A unit in auto-restart crashed, and
# systemd is about to start it again.
failed_units() {
  listed=$(systemctl list-units --state="${1:-failed}" --plain --no-legend --no-pager 2>/dev/null) || return
  [ -z "$listed" ] || printf '%s\n' "$listed" | awk '$2 != "not-found" { print $1 }'
}

# The units that must serve again after a rollback; those of login sessions are left out.
serving_units() {
  listed=$(systemctl list-units --type=service,socket,timer,path --state=running,listening,waiting --plain --no-legend --no-pager \
    2>/dev/null) || return
  printf '%s\n' "$listed" | awk '$1 !~ /^(user|sshd)@|^session-|^run-|^pantheros-activation/ { print $1 }'
}

not_in() { awk '!text { known[$0]; next } !($0 in known)' "$1" text=1 -; } # not_in FILE: lines of stdin that FILE lacks

# Sets boot_loader: the running system's program, or else the old system's, for a boot loader that
# the supervisor does not support itself (pantheros.deployment.bootLoader); '' when there is none.
find_boot_loader() {
  for boot_loader in "$(running)" "${recorded:-}"; do
    boot_loader=$root$boot_loader/sw/bin/pantheros-boot-loader
    [ ! -x "$boot_loader" ] || return 0
  done
  boot_loader=''
}

# Prints the system that boots next, from the boot loader's own files; nothing for an unknown boot loader.
boot_default() {
  find_boot_loader
  if [ -n "$boot_loader" ]; then timeout "$quick_seconds" "$boot_loader" default 2>/dev/null && return; fi
  for conf in "$root"/boot/loader/loader.conf "$root"/efi/loader/loader.conf "$root"/boot/efi/loader/loader.conf; do
    [ -r "$conf" ] || continue
    first_init "${conf%/*}/entries/$(awk '$1 == "default" { print $2; exit }' "$conf")"
    return
  done
  for conf in "$root"/boot/grub/grub.cfg "$root"/boot/extlinux/extlinux.conf; do
    if [ -r "$conf" ]; then first_init "$conf"; return; fi
  done
}
first_init() { sed -n 's|.*init=\(/nix/store/[^/ ]*\)/init.*|\1|p' "$1" 2>/dev/null | head -n 1; }

# compare_kernel KERNEL: sets kernel_change, '' when KERNEL is the booted one (read_links) or one is unknown.
compare_kernel() {
  kernel_change=''
  if [ -z "$booted_kernel" ] || [ -z "$1" ] || [ "$booted_kernel" = "$1" ]; then return; fi
  old=${booted_kernel#/nix/store/*-} new=${1#/nix/store/*-}
  kernel_change="kernel ${old%%/*} -> ${new%%/*}"
}

# changed_inhibitors SYSTEM: components that differ from the running system's and cannot be exchanged while
# they run (NixOS 26.05). Like NixOS, it compares only the names in both files, flat objects of strings.
changed_inhibitors() {
  set -- "$root$running_system/switch-inhibitors" "$root$1/switch-inhibitors"
  if [ ! -r "$1" ] || [ ! -r "$2" ]; then return; fi
  awk -F'"' '
    function name(path) { sub(/^\/nix\/store\/[0-9a-z]+-/, "", path); return path }
    { for (i = 2; i + 2 <= NF; i += 4)
        if (!text) old[$i] = $(i + 2)
        else if (($i in old) && old[$i] != $(i + 2)) print $i, name(old[$i]), "->", name($(i + 2)) }' "$1" text=1 "$2"
}
