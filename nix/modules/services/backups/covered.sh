#!/bin/sh
# covered.sh DIRECTORY...: fails when a directory of a backup is not there or holds no file. A backup of nothing succeeds
# every day, and is found out on the day it is needed.
set -eu

empty=0
for directory in "$@"; do
  # The first file is enough; links and sockets are nothing to restore.
  if [ ! -d "$directory" ]; then
    echo "backup: $directory is not there" >&2
  elif [ -z "$(find "$directory" -type f -print 2>/dev/null | head -n 1)" ]; then
    echo "backup: $directory holds no file" >&2
  else
    continue
  fi
  empty=1
done
[ "$empty" = 0 ] || {
  echo "backup: put data there, or take the directory out of backup of the host or service in fleet.toml" >&2
  exit 1
}
