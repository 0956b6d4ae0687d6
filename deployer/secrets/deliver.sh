#!/bin/sh
# deliver.sh HOST SECRET MARK SECONDS LENGTH COMMAND [ARGUMENT]...
#
# Standard input is the secret's length in bytes, a newline, and the secret. Passes the secret to
# `COMMAND [ARGUMENT]... secret SECRET BYTES` (ssh to the host's supervisor), which refuses another length, so that
# a stream that was cut off never replaces a whole value; then the mark, unless it is empty, to
# `… secret SECRET.mark BYTES`. Each has a limit of SECONDS.
# LENGTH: `yes`; `no`: a supervisor of version 1, which takes `secret SECRET` alone; `ask`: the status has the version.
# Prints one line of JSON and always exits 0: the result is data. The host's output is never repeated, since it could
# echo the secret.
set -u
LC_ALL=C
export LC_ALL

if [ "$#" -lt 6 ]; then
  echo "usage: deliver.sh HOST SECRET MARK SECONDS LENGTH COMMAND [ARGUMENT]..." >&2
  exit 64
fi
host="$1" secret="$2" mark="$3" seconds="$4" length="$5"
shift 5
bound="$(command -v timeout || command -v gtimeout || :)" # without either, only ssh limits the time, that of connecting

result() { # OUTCOME STEP EXIT-CODE REASON
  printf '{"schemaVersion":1,"host":"%s","secret":"%s","outcome":"%s","step":"%s","exitCode":%s,"reason":"%s"}\n' \
    "$host" "$secret" "$1" "$2" "$3" "$4"
  exit 0
}

# Prints the result of a failed command, and exits.
fail() { # STEP EXIT-CODE OUTPUT
  case "$2" in
    124 | 137 | 143) result offline "$1" "$2" "no answer within $seconds s" ;;
    127) result failed "$1" "$2" "the host has no supervisor, or this machine has no ssh" ;;
    2) result failed "$1" "$2" "the supervisor refused the secret" ;;
    255) ;;
    *) result failed "$1" "$2" "the supervisor failed" ;;
  esac
  case "$3" in
    *"jump "*": "*) machine="jump host" at=" (jump host)" ;; # the prefix of deployer/jump.sh
    *) machine="host" at="" ;;
  esac
  case "$3" in
    *"ost key verification failed"* | *"HOST IDENTIFICATION HAS CHANGED"* | *"host key is known"*)
      result failed "$1" "$2" "the $machine key is not the pinned one" ;;
    *"ermission denied"*) result failed "$1" "$2" "the $machine refused the SSH key" ;;
    *"dministratively prohibited"*) result failed "$1" "$2" "the $machine does not forward to the host" ;;
    *"ould not resolve"*) result offline "$1" "$2" "the name does not resolve$at" ;;
    *"onnection refused"*) result offline "$1" "$2" "connection refused$at" ;;
    *"timed out"* | *"o route to host"* | *"unreachable"*) result offline "$1" "$2" "no answer$at" ;;
    *) result offline "$1" "$2" "ssh could not connect" ;;
  esac
}

# Runs a command of STEP; a failure ends this program. Sets output, whose last line is the exit code, step and code.
run() { # STEP COMMAND [ARGUMENT]...
  step="$1"
  shift
  output="$({ ${bound:+"$bound" -k 5 "$seconds"} "$@" 2>&1; printf '\n%s' "$?" 2>/dev/null; } | head -c 65536)"
  code="${output##*
}"
  case "$code" in
    0) ;;
    '' | *[!0-9]* | ????*) result failed "$step" 1 "the host's answer is longer than 64 kB" ;;
    *) fail "$step" "$code" "$output" ;;
  esac
}

# POSIX: `read` takes single bytes from a pipe, so the secret after the newline stays for the next reader.
IFS= read -r bytes || result failed secret 1 "standard input was cut off"
case "$bytes" in '' | *[!0-9]*) result failed secret 1 "standard input does not begin with a length" ;; esac

# Descriptor 3 is the secret.
exec 3<&0
if [ "$length" = ask ]; then
  run secret "$@" status </dev/null
  case "$output" in *'{"version":1,'*) length=no ;; *) length=yes ;; esac
fi
[ "$length" = yes ] || bytes=
run secret "$@" secret "$secret" ${bytes:+"$bytes"} <&3
exec 3<&-
[ -n "$mark" ] || result delivered "" 0 ""
# After the secret: a mark on the host means that the secret arrived whole.
printf '%s' "$mark" | {
  run mark "$@" secret "$secret.mark" ${bytes:+"${#mark}"}
  result delivered "" 0 ""
}
