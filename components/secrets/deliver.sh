#!/bin/sh
# deliver.sh HOST SECRET MARK SECONDS COMMAND [ARGUMENT]...
#
# Hands standard input to `COMMAND [ARGUMENT]... secret SECRET` (ssh to the host's supervisor), then the mark, unless it
# is empty, to `… secret SECRET.mark`, each within SECONDS. Prints one line of JSON and exits 0 whatever happened: the result is data.
# What the other side prints is never repeated: should it echo its input, the secret would be in it.
set -u

if [ "$#" -lt 5 ]; then
  echo "usage: deliver.sh HOST SECRET MARK SECONDS COMMAND [ARGUMENT]..." >&2
  exit 64
fi
host="$1" secret="$2" mark="$3" seconds="$4"
shift 4
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

# Descriptor 3 is the secret; error output is looked at by `judge` and dropped.
exec 3<&0
error="$(${bound:+"$bound" -k 5 "$seconds"} "$@" secret "$secret" 2>&1 >/dev/null <&3)" || judge secret "$?" "$error"
exec 3<&-
[ -n "$mark" ] || result delivered "" 0 ""
# Only now: a mark on the host says that the secret before it arrived whole.
error="$(printf '%s' "$mark" | ${bound:+"$bound" -k 5 "$seconds"} "$@" secret "$secret.mark" 2>&1 >/dev/null)" || judge mark "$?" "$error"
result delivered "" 0 ""
