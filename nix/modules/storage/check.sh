#!/bin/sh
# Compares the mounts with what they should be. Each line of the file $1 is MOUNT|OPTIONS|NOT THESE, options apart by blanks.
# Names every difference, and exits 1 when there is one.
set -eu
status=0

differs() {
  echo "$1" >&2
  status=1
}

while IFS='|' read -r mount present absent; do
  if ! shown=$(findmnt --noheadings --output OPTIONS --mountpoint "$mount"); then
    differs "$mount: not mounted"
    continue
  fi
  for option in $present; do
    case ",$shown," in
      *",$option,"*) ;;
      *) differs "$mount: $option is missing ($shown)" ;;
    esac
  done
  for option in $absent; do
    case ",$shown," in
      *",$option,"* | *",$option="*) differs "$mount: $option acts, and should not ($shown)" ;;
    esac
  done
done <"$1"
exit "$status"
