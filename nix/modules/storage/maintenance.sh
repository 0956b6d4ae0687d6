#!/bin/sh
# maintenance.sh MOUNT…: checks the checksums of each btrfs, then gives back blocks that are nearly empty. Goes on after a
# failure, prints what failed, and exits with 1.
set -eu
status=0

for mount in "$@"; do
  # -B waits, -c 3: only when the disk is idle.
  if ! btrfs scrub start -B -c 3 "$mount"; then
    echo "$mount: scrub found errors, or did not finish: btrfs scrub status $mount, btrfs device stats $mount" >&2
    status=1
  fi
  # A balance of nearly empty blocks only: a full one rewrites the disk. Source: btrfs-balance(8), FILTERS.
  if ! btrfs balance start -dusage=10 -musage=10 "$mount"; then
    echo "$mount: balance failed" >&2
    status=1
  fi
done
exit "$status"
