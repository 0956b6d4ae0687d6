#!/bin/sh
# covered.sh DIRECTORY...: fails when a directory of a backup is missing or has no file. An empty backup
# would succeed every day, and be noticed only when it is needed.
set -eu

empty=0
for directory in "$@"; do
  # One file is enough; links and sockets do not count.
  if [ ! -d "$directory" ]; then
    echo "backup: $directory is missing" >&2
  elif [ -z "$(find "$directory" -type f -print 2>/dev/null | head -n 1)" ]; then
    echo "backup: $directory has no file" >&2
  else
    continue
  fi
  empty=1
done
[ "$empty" = 0 ] || {
  echo "backup: put data there, or take the directory out of backup of the host or service in fleet.toml" >&2
  exit 1
}
