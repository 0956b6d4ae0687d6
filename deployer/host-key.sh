#!/bin/sh
# Makes an ed25519 SSH key pair and prints it as one line of JSON: {"private":"…","public":"ssh-ed25519 AAAA…"}.
# ssh-keygen writes files only; they live in a directory of mode 0700, in memory where there is such a place, and
# are gone when this ends, however it ends.
set -eu
umask 077

parent=/dev/shm
if [ ! -d "$parent" ] || [ ! -w "$parent" ]; then
  parent="${TMPDIR:-/tmp}"
fi
directory="$(mktemp -d "$parent/pantheros-key.XXXXXX")"
trap 'rm -rf "$directory"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

if ! ssh-keygen -q -t ed25519 -N '' -C '' -f "$directory/key" >/dev/null; then
  echo "ssh-keygen failed; is OpenSSH installed on the machine that runs pulumi?" >&2
  exit 1
fi

printf '{"private":"'
awk '{ printf "%s\\n", $0 }' "$directory/key"
printf '","public":"'
awk '{ printf "%s %s", $1, $2 }' "$directory/key.pub"
printf '"}\n'
