#!/bin/sh
# What NixOS' stage 2 does at boot, before services start: activate this system, then hand its units to
# systemd. Run by the base image's pantheros-boot.service for the closure that is the boot default.
set -u
umask 022

system=@out@
root="${PANTHEROS_ROOT:-}"
[ -n "$root" ] || PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# shellcheck source=sandbox/nix/scripts/units.sh
. "$system/lib/units.sh"

# The boot loader's part, which here comes after it: an entry that is started once, while another one is the default.
if once=$(readlink "$root/boot/pantheros-once" 2>/dev/null); then
  rm -f "$root/boot/pantheros-once"
  sync
  [ ! -x "$once/bin/pantheros-stage2" ] || exec "$once/bin/pantheros-stage2"
fi
# A rehearsed fault: a kernel that panics starts the machine again.
if [ "$(cat "$system/boot" 2>/dev/null)" = panic ]; then exec systemctl reboot --force --force; fi
ln -sfn "$system" "$root/run/booted-system"
# The network namespace here outlives a machine that loses its power, so rehearsed faults would too.
if [ -z "$root" ]; then
  sh "$system/lib/network-fault.sh" undrop-ssh
  sh "$system/lib/network-fault.sh" up
fi
# A machine with a key to the tailnet has an address there, made from its public one: 203.0.113.10 is 100.64.113.10.
if [ -z "$root" ] && [ -s /var/lib/pantheros/secrets/tailscale-auth-key ]; then
  public=$(ip -4 -o addr show dev eth0 scope global | awk '$4 !~ /^100[.]/ { sub("/.*", "", $4); print $4; exit }')
  [ -z "$public" ] || ip addr replace "100.64.${public#*.*.}/32" dev eth0
fi
"$system/activate"
result=$?
link_units "$system"
systemctl daemon-reload
wanted=$(wanted_units "$system")
# This runs inside the boot transaction: waiting for other units here could wait for itself.
# shellcheck disable=SC2086
[ -z "$wanted" ] || systemctl start --no-block $wanted
exit "$result"
