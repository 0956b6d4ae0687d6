# shellcheck shell=sh disable=SC2154,SC2034
# The current state of this machine.

systemctl() { timeout "$minute" systemctl "$@"; } # D-Bus may hang

link() { readlink "$1" 2>/dev/null || { [ -L "$1" ] && readlink "$1"; }; } # the way back hangs on it: one failure is none
running() { link "$root/run/current-system"; }
booted() { link "$root/run/booted-system"; }
now() { read -r now _ </proc/uptime; now=${now%%.*}; } # seconds that no clock change moves
boot_id() { read -r boot_id <"$root/proc/sys/kernel/random/boot_id"; }
# Sets machine_id; '' where a machine has none yet (machine-id(5): "uninitialized" during its first boot).
machine_id() {
  machine_id=''
  if [ -r "$root/etc/machine-id" ]; then read -r machine_id <"$root/etc/machine-id" || :; fi
  case $machine_id in *[!0-9a-f]*) machine_id='' ;; esac
}
profile_path() { entry=$(link "$profile") && link "${profile%/*}/${entry##*/}"; }
going_down() { [ "$(systemctl is-system-running 2>/dev/null)" = stopping ]; }

# read_links: the links above at once, in two processes instead of some twenty: a fleet's probes ask this a lot. Sets running_system,
# booted_system, profile_system, generation_now (a number), running_kernel, booted_kernel; '' where there is none.
read_links() {
  running_system='' booted_system='' profile_system='' entry='' running_kernel='' booted_kernel=''
  while read -r seen; do
    target=${seen##* -> }
    case $seen in
      *" $root/run/current-system -> "*) running_system=$target ;;
      *" $root/run/booted-system -> "*) booted_system=$target ;;
      *" $profile -> "*) entry=${target##*/} ;;
    esac
  done <<LINKS
$(ls -ld "$root/run/current-system" "$root/run/booted-system" "$profile" 2>/dev/null)
LINKS
  while read -r seen; do
    target=${seen##* -> }
    case $seen in *" ${profile%/*}/${entry:-none} -> "*) profile_system=$target ;; esac
    case $seen in *" $root${running_system:-/none}/kernel -> "*) running_kernel=$target ;; esac
    case $seen in *" $root${booted_system:-/none}/kernel -> "*) booted_kernel=$target ;; esac
  done <<LINKS
$(ls -ld "$root${running_system:-/none}/kernel" "$root${booted_system:-/none}/kernel" "${profile%/*}/${entry:-none}" 2>/dev/null)
LINKS
  generation_now=${entry#system-} generation_now=${generation_now%-link}
  case $generation_now in *[!0-9]*) generation_now='' ;; esac
}

# failed_units [STATES]: by name, of those that still have a file. auto-restart: it died, and systemd is about to try again.
failed_units() {
  listed=$(systemctl list-units --state="${1:-failed}" --plain --no-legend --no-pager 2>/dev/null) || return
  [ -z "$listed" ] || printf '%s\n' "$listed" | awk '$2 != "not-found" { print $1 }'
}

# What a rollback must bring back: services that run, sockets that listen, timers that wait; not those of sessions.
serving_units() {
  listed=$(systemctl list-units --type=service,socket,timer,path --state=running,listening,waiting --plain --no-legend --no-pager \
    2>/dev/null) || return
  printf '%s\n' "$listed" | awk '$1 !~ /^(user|sshd)@|^session-|^run-|^pantheros-activation/ { print $1 }'
}

not_in() { awk '!text { seen[$0]; next } !($0 in seen)' "$1" text=1 -; } # lines of stdin that the file has not

# What the machine boots next: the first entry of the boot loader's own files. Empty when the loader is not known here.
boot_default() {
  link "$root/boot/pantheros-default" && return
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

# --- Why a system needs a reboot: nothing printed when it does not.
# new_kernel KERNEL: another one than the booted system's (read_links) is named in `kernel`.
new_kernel() {
  kernel=''
  if [ -z "$booted_kernel" ] || [ -z "$1" ] || [ "$booted_kernel" = "$1" ]; then return; fi
  was=${booted_kernel#/nix/store/*-} will=${1#/nix/store/*-}
  kernel="kernel ${was%%/*} -> ${will%%/*}"
}

# inhibitors SYSTEM: components that cannot be exchanged under a running system (NixOS 26.05). As NixOS judges: only what
# both systems name can differ. The files are one flat object of strings each.
inhibitors() {
  set -- "$root$running_system/switch-inhibitors" "$root$1/switch-inhibitors"
  if [ ! -r "$1" ] || [ ! -r "$2" ]; then return; fi
  awk -F'"' '
    function name(path) { sub(/^\/nix\/store\/[0-9a-z]+-/, "", path); return path }
    { for (i = 2; i + 2 <= NF; i += 4)
        if (!text) was[$i] = $(i + 2)
        else if (($i in was) && was[$i] != $(i + 2)) print $i, name(was[$i]), "->", name($(i + 2)) }' "$1" text=1 "$2"
}
