#!/bin/sh
# What a host is now, over one bounded ssh connection; two where it may never have been managed. Always exits 0: a
# failing invoke would fail the whole preview, and a host that does not answer is a finding and no failure.
#
# Environment: PROBE_HOST, PROBE_SECONDS, PROBE_SSH (options for ssh, one word to a line, without the user), PROBE_USER
#   (deploy user), PROBE_DEPLOY and PROBE_ROOT (the remote commands as that user and, empty for "do not", as root).
# Prints "USER STATUS-JSON" in one line, or "unreached" and what ssh said.
set -u
umask 077
said=$(mktemp) || exit 0
trap 'rm -f "$said"' EXIT
bound=$(command -v timeout || command -v gtimeout || :) # ssh bounds connecting itself; this bounds the rest

# One word to a line, so that the words may hold blanks.
set -f
newline='
'
IFS=$newline
# shellcheck disable=SC2086
set -- $PROBE_SSH
unset IFS

ask() { # USER COMMAND OPTION...
  user=$1 remote=$2
  shift 2
  # shellcheck disable=SC2153 # set by the caller, like the others
  answer=$(${bound:+"$bound" -k 2 "$PROBE_SECONDS"} ssh "$@" -o "User=$user" -T "$PROBE_HOST" -- \
    "$remote" 2>"$said" </dev/null)
  # The last line that is an object; a fleet runs this for every host, so without further processes.
  status='' IFS=$newline
  for line in $answer; do
    case $line in '{'*) status=$line ;; esac
  done
  unset IFS
  [ -n "$status" ] && printf '%s %s\n' "$user" "$status"
}

ask "$PROBE_USER" "$PROBE_DEPLOY" "$@" && exit 0
first=$(tail -n 3 "$said")
if [ -n "$PROBE_ROOT" ]; then
  ask root "$PROBE_ROOT" "$@" && exit 0
fi
printf 'unreached\n%s\n' "${first:-$(tail -n 3 "$said")}"
exit 0
