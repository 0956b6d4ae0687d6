#!/bin/sh
# check.sh FILE: compares the mounts with the lines of FILE, MOUNT|OPTIONS|ABSENT OPTIONS, options
# separated by blanks. Prints each difference, and exits with 1 if there is one.
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
      *",$option,"* | *",$option="*) differs "$mount: $option is set, and must not be ($shown)" ;;
    esac
  done
done <"$1"
exit "$status"
