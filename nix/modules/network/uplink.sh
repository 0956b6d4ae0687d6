#!/bin/sh
# uplink.sh FILE DIRECTORY: writes the IPv6 address in FILE (ADDRESS/PREFIX) as a drop-in of the uplink's network into
# DIRECTORY, for systemd-networkd. Without FILE it removes the drop-in. Safe to repeat.
set -eu
umask 022
file=$1 directory=$2

address=$(head -c 64 "$file" 2>/dev/null | tr -d '\n') || :
case "$address" in
  '') rm -f "$directory/address.conf" ;;
  *[!0-9a-f:/]* | */*/* | /* | */ | *[!0-9]) echo "$file: \"$address\" is not ADDRESS/PREFIX; write this server's IPv6 address, such as 2001:db8::1/64" >&2; exit 1 ;;
  *:*/*)
    mkdir -p "$directory"
    printf '[Network]\nAddress=%s\n\n[Route]\nGateway=fe80::1\nGatewayOnLink=yes\n' "$address" >"$directory/.address.conf.new"
    mv -f "$directory/.address.conf.new" "$directory/address.conf"
    ;;
  *) echo "$file: \"$address\" is not ADDRESS/PREFIX of IPv6" >&2; exit 1 ;;
esac
# At boot systemd-networkd is not running yet, and reads the drop-in when it starts.
! systemctl --quiet is-active systemd-networkd.service || networkctl reload
