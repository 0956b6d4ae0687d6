#!/bin/sh
# Network faults of a new system: drop-ssh | undrop-ssh | down | up. `down` saves routes and IPv6 addresses, because a
# link loses them; on disk, because the network namespace outlives a power cut of the machine.
set -eu

interface=eth0
state=/var/lib/pantheros-network-fault

case "$1" in
  drop-ssh)
    nft -f - <<'RULES'
add table inet pantheros_fault
delete table inet pantheros_fault
table inet pantheros_fault {
  chain input {
    type filter hook input priority -10; policy accept;
    tcp dport 22 drop
  }
}
RULES
    ;;
  undrop-ssh) nft delete table inet pantheros_fault 2>/dev/null || true ;;
  down)
    {
      ip -6 -o address show dev "$interface" scope global | awk '{ print "-6 address replace", $4, "dev", $2, "nodad" }'
      ip -4 route show dev "$interface" proto static 2>/dev/null | sed "s/^/-4 route replace /; s/\$/ dev $interface/"
      ip -4 route show dev "$interface" proto boot | sort | sed "s/^/-4 route replace /; s/\$/ dev $interface/"
      ip -6 route show dev "$interface" proto boot | sort | sed "s/^/-6 route replace /; s/\$/ dev $interface/"
    } >"$state"
    ip link set "$interface" down
    ;;
  up)
    [ -f "$state" ] || exit 0
    ip link set "$interface" up
    # In order, because the default route needs the route to its gateway.
    while read -r family command; do
      # shellcheck disable=SC2086
      ip "$family" $command || true
    done <"$state"
    rm -f "$state"
    ;;
esac
