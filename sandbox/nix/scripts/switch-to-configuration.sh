#!/bin/sh
# NixOS' switch-to-configuration for a sandbox host: same actions, order, lock, messages and exit codes
# (nixpkgs pkgs/by-name/sw/switch-to-configuration-ng), over a Debian systemd.
#   1 refused (usage, lock, pre-switch check), 2 activation script failed, 4 units failed
# PANTHEROS_ROOT, for tests: prefix of every path outside the store.
set -u
umask 022
# The switch continues when the connection that started it is lost.
trap '' PIPE

system=@out@
root="${PANTHEROS_ROOT:-}"
[ -n "$root" ] || PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
current="$root/run/current-system"
boot_default="$root/boot/pantheros-default"
# shellcheck source=sandbox/nix/scripts/units.sh
. "$system/lib/units.sh"

say() { echo "$@" >&2; }

usage() {
  cat >&2 <<USAGE
Usage: switch-to-configuration [check|switch|boot|test|dry-activate]
check:        run pre-switch checks and exit
switch:       make the configuration the boot default and activate now
boot:         make the configuration the boot default
test:         activate the configuration, but don't make it the boot default
dry-activate: show what would be done if this configuration were activated
USAGE
  exit 1
}

# a b c -> "a, b, c"
listed() { printf '%s\n' "$@" | LC_ALL=C sort | paste -sd, - | sed 's/,/, /g'; }

# report TEXT UNIT...: prints nothing without units.
report() {
  report_text=$1
  shift
  [ $# -eq 0 ] || say "$report_text $(listed "$@")"
}

# A component that cannot be exchanged while the system runs has changed.
check_inhibitors() {
  printf 'Checking switch inhibitors...' >&2
  if [ ! -f "$current/switch-inhibitors" ] || cmp -s "$current/switch-inhibitors" "$system/switch-inhibitors"; then
    say " done"
    return 0
  fi
  changed=$(python3 -SE -c '
import json, sys
old, new = (json.load(open(path)) for path in sys.argv[1:])
for name in sorted(old):
    if name in new and old[name] != new[name]:
        print(name, ":", old[name], "->", new[name])
' "$current/switch-inhibitors" "$system/switch-inhibitors") || return 1
  if [ -z "$changed" ]; then
    say " done"
    return 0
  fi
  cat >&2 <<TEXT

There are changes to critical components of the system:

$changed

Switching into this system is not recommended.
You probably want to run 'nixos-rebuild boot' and reboot your system instead.

If you really want to switch into this configuration directly, then
you can set NIXOS_NO_CHECK=1 to ignore pre-switch checks.

WARNING: doing so might cause the switch to fail or your system to become unstable.

Pre-switch check 'switchInhibitors' failed
TEXT
  return 1
}

pre_switch_checks() {
  [ "${NIXOS_NO_CHECK:-}" = 1 ] && return 0
  case "$action" in
    boot | dry-activate) return 0 ;;
  esac
  check_inhibitors && return 0
  say "Pre-switch checks failed"
  exit 1
}

# The boot loader's part: one rename, synced before this returns.
make_boot_default() {
  mkdir -p "$root/boot"
  if ! { ln -sfn "$system" "$boot_default.new" && mv -fT "$boot_default.new" "$boot_default" && sync "$root/boot"; }; then
    say "Failed to install bootloader"
    exit 1
  fi
}

# differs PATH: a part of /etc differs from the running system's.
differs() {
  if [ ! -e "$current/etc/$1" ] && [ ! -e "$system/etc/$1" ]; then return 1; fi
  ! diff -rq "$current/etc/$1" "$system/etc/$1" >/dev/null 2>&1
}

case "${1:-}" in
  check | switch | boot | test | dry-activate) action=$1 ;;
  *) usage ;;
esac

mkdir -p "$root/run/nixos"
exec 9>"$root/run/nixos/switch-to-configuration.lock"
flock -n 9 || {
  say "Could not acquire lock"
  exit 1
}

pre_switch_checks
[ "$action" = check ] && exit 0
case "$action" in
  switch | boot) make_boot_default ;;
esac
[ "$action" = boot ] && exit 0

# No unit name has blanks, so the lists below rely on word splitting.
old_units=$(units_of "$unit_links")
new_units=$(units_of "$system/etc/systemd/system")
gone=""
changed=""
fresh=""
while read -r unit target; do
  [ -n "$unit" ] || continue
  case "
$new_units
" in
    *"
$unit $target
"*) ;;
    *"
$unit "*) changed="$changed $unit" ;;
    *) gone="$gone $unit" ;;
  esac
done <<UNITS
$old_units
UNITS
while read -r unit _; do
  [ -n "$unit" ] || continue
  case "
$old_units
" in
    *"
$unit "*) ;;
    *) fresh="$fresh $unit" ;;
  esac
done <<UNITS
$new_units
UNITS
wanted=$(wanted_units "$system")
reload=""
restart=""
if differs ssh/sshd_config.d; then reload=ssh.service; fi
# The daemon reads its keys when it starts; transfers under way have processes of their own.
if differs nix; then restart=nix-daemon.service; fi

# shellcheck disable=SC2086
if [ "$action" = dry-activate ]; then
  report "would stop the following units:" $gone $changed
  say "would activate the configuration..."
  report "would reload the following units:" $reload
  report "would restart the following units:" $restart
  report "would start the following units:" $changed $fresh
  exit 0
fi

result=0
# shellcheck disable=SC2086
{
  report "stopping the following units:" $gone $changed
  [ -z "$gone$changed" ] || systemctl stop $gone $changed
  say "activating the configuration..."
  "$system/activate" >&2 || {
    say "Failed to run activate script"
    result=2
  }
  link_units "$system"
  systemctl daemon-reload || result=3
  [ -z "$gone$changed" ] || systemctl reset-failed $gone $changed >/dev/null 2>&1
  report "reloading the following units:" $reload
  [ -z "$reload" ] || ! systemctl is-active --quiet $reload || systemctl reload $reload
  report "restarting the following units:" $restart
  [ -z "$restart" ] || systemctl try-restart $restart
  report "starting the following units:" $changed
  # All wanted units, so that failed and stopped ones are started again.
  [ -z "$wanted" ] || systemctl start $wanted || true
  failed=$(failed_units $wanted)
}

started=""
for unit in $fresh; do
  case "
$failed
" in
    *"
$unit
"*) ;;
    *) started="$started $unit" ;;
  esac
done
# shellcheck disable=SC2086
report "the following new units were started:" $started
if [ -n "$failed" ]; then
  # shellcheck disable=SC2086
  report "warning: the following units failed:" $failed
  say ""
  # shellcheck disable=SC2086
  systemctl status --no-pager --full $failed >&2
  result=4
fi
exit "$result"
