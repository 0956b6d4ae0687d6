#!/bin/sh
# deliver.sh HOST SECRET MARK SECONDS LENGTH COMMAND [ARGUMENT]...
#
# Standard input is the secret's length in bytes, a newline, and the secret. Hands the secret to
# `COMMAND [ARGUMENT]... secret SECRET BYTES` (ssh to the host's supervisor), which refuses anything of another length, so that a
# stream that was cut never replaces a whole value; then the mark, unless it is empty, to `… secret SECRET.mark BYTES`; each within
# SECONDS. LENGTH: `yes`; `no`: a supervisor of version 1, which takes `secret SECRET` alone; `ask`: its status tells.
# Prints one line of JSON and exits 0 whatever happened: the result is data. What the other side prints is never repeated: should it
# echo its input, the secret would be in it.
set -u
LC_ALL=C
export LC_ALL

if [ "$#" -lt 6 ]; then
  echo "usage: deliver.sh HOST SECRET MARK SECONDS LENGTH COMMAND [ARGUMENT]..." >&2
  exit 64
fi
host="$1" secret="$2" mark="$3" seconds="$4" length="$5"
shift 5
bound="$(command -v timeout || command -v gtimeout || :)" # without either, ssh still bounds connecting itself

result() { # OUTCOME STEP EXIT-CODE REASON
  printf '{"schemaVersion":1,"host":"%s","secret":"%s","outcome":"%s","step":"%s","exitCode":%s,"reason":"%s"}\n' \
    "$host" "$secret" "$1" "$2" "$3" "$4"
  exit 0
}

judge() { # STEP EXIT-CODE ERROR-OUTPUT
  case "$2" in
    124 | 137 | 143) result offline "$1" "$2" "no answer within $seconds s" ;;
    127) result failed "$1" "$2" "the host has no supervisor, or this machine has no ssh" ;;
    2) result failed "$1" "$2" "the supervisor refused it" ;;
    255) ;;
    *) result failed "$1" "$2" "the supervisor failed" ;;
  esac
  case "$3" in
    *"ost key verification failed"* | *"HOST IDENTIFICATION HAS CHANGED"* | *"host key is known"*)
      result failed "$1" "$2" "the host key is not the pinned one" ;;
    *"ermission denied"*) result failed "$1" "$2" "the host refused our key" ;;
    *"ould not resolve"*) result offline "$1" "$2" "the name does not resolve" ;;
    *"onnection refused"*) result offline "$1" "$2" "connection refused" ;;
    *"timed out"* | *"o route to host"* | *"unreachable"*) result offline "$1" "$2" "no answer" ;;
    *) result offline "$1" "$2" "ssh could not connect" ;;
  esac
}

# ask STEP COMMAND [ARGUMENT]...: `said` is its output; a failure ends this program. Its exit status is the last line.
ask() {
  step="$1"
  shift
  said="$({ ${bound:+"$bound" -k 5 "$seconds"} "$@" 2>&1; printf '\n%s' "$?" 2>/dev/null; } | head -c 65536)"
  code="${said##*
}"
  case "$code" in
    0) ;;
    '' | *[!0-9]* | ????*) result failed "$step" 1 "the host's answer is longer than 64 kB" ;;
    *) judge "$step" "$code" "$said" ;;
  esac
}

# Byte by byte from a pipe, as POSIX has it: what follows the newline stays for the next reader.
IFS= read -r bytes || result failed secret 1 "standard input was cut"
case "$bytes" in '' | *[!0-9]*) result failed secret 1 "standard input does not begin with a length" ;; esac

# Descriptor 3 is the secret; what is said of it is looked at by `judge` and dropped.
exec 3<&0
if [ "$length" = ask ]; then
  ask secret "$@" status </dev/null
  case "$said" in *'{"version":1,'*) length=no ;; *) length=yes ;; esac
fi
[ "$length" = yes ] || bytes=
ask secret "$@" secret "$secret" ${bytes:+"$bytes"} <&3
exec 3<&-
[ -n "$mark" ] || result delivered "" 0 ""
# Only now: a mark on the host says that the secret before it arrived whole.
printf '%s' "$mark" | {
  ask mark "$@" secret "$secret.mark" ${bytes:+"${#mark}"}
  result delivered "" 0 ""
}
