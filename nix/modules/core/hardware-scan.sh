#!/bin/sh
# hardware-scan.sh REPORT DIRECTORY METRICS: scans the hardware, and compares it with the report that the host was
# built from (empty: none). Writes the scan into DIRECTORY, and its duration and the comparison as metrics.
set -eu
report=$1 directory=$2 metrics=$3

# Kind and maker of each device: what a minimal report has too, and what drivers are chosen by.
devices() {
  jq -r '.hardware | to_entries[] | select(.key | IN("cpu", "disk", "graphics_card", "network_controller"))
    | .key as $kind | .value[]? | [$kind, (.vendor.value? // .vendor_name // empty)] | map(tostring) | join(" ")' "$1" | sort
}

umask 077
begin=$(date +%s%3N)
nixos-facter --output "$directory/facter.json.new"
milliseconds=$(($(date +%s%3N) - begin))
mv "$directory/facter.json.new" "$directory/facter.json"

changed=0
if [ -n "$report" ]; then
  devices "$report" >"$directory/built"
  devices "$directory/facter.json" >"$directory/found"
  # Devices that were added, such as a disk on USB, need no deploy.
  missing=$(comm -23 "$directory/built" "$directory/found")
  if [ -n "$missing" ]; then
    changed=1
    echo "The host was built for hardware that is not here:" >&2
    echo "$missing" >&2
    echo "Copy $directory/facter.json into the host's folder of nix/hosts, and deploy." >&2
  fi
fi

umask 022
printf '# TYPE pantheros_hardware_scan_seconds gauge\npantheros_hardware_scan_seconds %d.%03d\n# TYPE pantheros_hardware_changed gauge\npantheros_hardware_changed %d\n' \
  $((milliseconds / 1000)) $((milliseconds % 1000)) "$changed" >"$metrics/.hardware.tmp"
mv "$metrics/.hardware.tmp" "$metrics/hardware.prom"
echo "scanned in $milliseconds ms"
