#!/bin/sh
# NixOS' stage 2 at boot, before services start: activate this system, then pass its units to systemd.
# The base image's pantheros-boot.service runs it for the boot default.
set -u
umask 022

system=@out@
root="${PANTHEROS_ROOT:-}"
[ -n "$root" ] || PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# shellcheck source=sandbox/nix/scripts/units.sh
. "$system/lib/units.sh"

# The boot loader's entry that is started once; here it is handled after the boot default has started.
if once=$(readlink "$root/boot/pantheros-once" 2>/dev/null); then
  rm -f "$root/boot/pantheros-once"
  sync
  [ ! -x "$once/bin/pantheros-stage2" ] || exec "$once/bin/pantheros-stage2"
fi
# A rehearsed fault: a kernel panic, after which the machine boots again.
if [ "$(cat "$system/boot" 2>/dev/null)" = panic ]; then exec systemctl reboot --force --force; fi
ln -sfn "$system" "$root/run/booted-system"
# The network namespace outlives a power cut of the machine, so rehearsed faults are removed here.
if [ -z "$root" ]; then
  sh "$system/lib/network-fault.sh" undrop-ssh
  sh "$system/lib/network-fault.sh" up
fi
# A machine with a key for the tailnet has an address there, made from its public one: 203.0.113.10 is 100.64.113.10.
if [ -z "$root" ] && [ -s /var/lib/pantheros/secrets/tailscale-auth-key ]; then
  public=$(ip -4 -o addr show dev eth0 scope global | awk '$4 !~ /^100[.]/ { sub("/.*", "", $4); print $4; exit }')
  [ -z "$public" ] || ip addr replace "100.64.${public#*.*.}/32" dev eth0
fi
"$system/activate"
result=$?
link_units "$system"
systemctl daemon-reload
wanted=$(wanted_units "$system")
# This runs in the boot transaction, where waiting for other units could be a deadlock.
# shellcheck disable=SC2086
[ -z "$wanted" ] || systemctl start --no-block $wanted
exit "$result"
