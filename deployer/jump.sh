#!/bin/sh
# jump.sh NAME LOG COMMAND [ARGUMENT]...
#
# The ProxyCommand of a connection through a jump host. Runs COMMAND, the ssh to the jump host, and puts
# `jump NAME: ` before each line of its standard error, so that a message shows which machine it is about.
# The lines are appended to the file LOG, because an ssh in the background closes the standard error of its
# ProxyCommand. With `-` as LOG they go to standard error.
set -u

name="$1" log="$2"
shift 2
if [ "$log" != - ]; then
  exec 2>>"$log"
fi

# Descriptor 3 is the connection; only COMMAND may hold it open.
exec 3>&1
"$@" 2>&1 >&3 3>&- | while IFS= read -r line || [ -n "$line" ]; do
  printf 'jump %s: %s\n' "$name" "$line"
done >&2 3>&-
