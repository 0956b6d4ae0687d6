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

ln -sfn "$system" "$root/run/booted-system"
# The network namespace here outlives a machine that loses its power, so rehearsed faults would too.
if [ -z "$root" ]; then
  sh "$system/lib/network-fault.sh" undrop-ssh
  sh "$system/lib/network-fault.sh" up
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
