#!/bin/sh
# shellcheck disable=SC2034
# pantheros-supervisor: the only thing the deploy user may run as root on a host (one sudo rule).
#
# It changes the running system so that the machine cannot be lost: the recorded system comes back unless the new one
# activates, passes its health checks and is confirmed over a fresh connection within its window. The boot default
# moves last, at the commit, so a crash or a reboot at any moment before that boots the old system.
#
#   activate (front, in the ssh session)  refusals, record, pins, starts the unit, waits, prints one JSON line
#   run      (unit pantheros-activation)  starting -> switching -> checking -> waiting -> committing -> committed -> idle
#            started again after any other end: finishes a commit that had begun, or goes back: rolling-back -> idle
#   resume   (unit pantheros-resume)      after a boot in the middle of it: starts the unit again
#
# systemd owns the unit, so it does not depend on the connection. `go_back` is the one place that goes back.
# One program in parts, joined when a system is built (parts.nix): text, facts, state, checks, activation, back, boot (systems that
# need a reboot), front (what answers the connection), status; this is its end.
# Needs: coreutils, util-linux (flock), systemd, nix, curl, bash, awk, sed, grep. Runs under dash, bash and busybox sh.
set -u
LC_ALL=C HOME=/root
export LC_ALL HOME
umask 077

# PANTHEROS_ROOT prefixes every path, for tests. sudo's env_reset drops it, and should a host keep it, this does.
if [ -n "${SUDO_UID:-}" ]; then PANTHEROS_ROOT=; fi
root=${PANTHEROS_ROOT:-}
state=$root/var/lib/pantheros
volatile=$root/run/pantheros # for what a run needs even when nothing can be written elsewhere
gcroots=$root/nix/var/nix/gcroots
profile=$root/nix/var/nix/profiles/system
unit=pantheros-activation
switch_lock=$root/run/nixos/switch-to-configuration.lock
# Seconds for what takes none on a machine that is well. Tests on a host in a directory have shorter ones.
minute=60
[ -z "$root" ] || minute=${PANTHEROS_MINUTE:-60}
tab='	'

usage() {
  cat <<'TEXT'
pantheros-supervisor VERB: each prints one line
  status [PATH]        what runs, what boots, the stored token, the last result (JSON); with PATH also the running
                       units when PATH is not the running system
  probe [PATH]         the same without the texts of failures, for keys that may only ask
  activate PATH TOKEN  switch to PATH and wait for `confirm TOKEN`; otherwise the running system comes back (JSON).
                       Where PATH needs a reboot: reboots into it and waits there, when PATH's own deploy.conf says
                       reboot=allow; otherwise makes it the boot default and says "staged". Who deploys what may
                       stand on stdin, as one flat JSON object
  confirm TOKEN        keep the system activated with TOKEN: profile and boot default (JSON)
  rollback [TOKEN]     activate the previously committed system in the same supervised way (JSON)
  secret NAME BYTES    stdin, of that length, becomes /var/lib/pantheros/secrets/NAME, mode 0600; prints its sha256
Exit status: 0 waiting, rebooting, staged, current or confirmed; 1 rolled back or failed; 2 refused, nothing was touched.
TEXT
}

store_path() {
  name=${1#/nix/store/}; hash=${name%%-*}
  case $name in *[!A-Za-z0-9+._?=-]*) return 1 ;; esac
  [ "/nix/store/$name" = "$1" ] && [ "${#hash}" = 32 ] && [ "$name" != "$hash" ]
}
word() { case $1 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) return 1 ;; esac; [ "${#1}" -le 64 ]; }

verb=${1:-help}
[ $# -eq 0 ] || shift
case $verb in help | -h | --help) usage; exit 0 ;; esac
[ -n "$root" ] || [ "$(id -u)" = 0 ] || refuse user "only root can do this: sudo -n $0 $verb"
[ -d "$state" ] || mkdir -p "$state" || exit 1
[ -d "$volatile" ] || mkdir -p "$volatile" || exit 1

case $verb:$# in
  status:0 | probe:0) "$verb" "" ;;
  status:1 | probe:1) store_path "$1" || refuse arguments "not a store path"; "$verb" "$1" ;;
  activate:2)
    store_path "$1" || refuse arguments "not a store path"
    word "$2" || refuse arguments "a token is 1 to 64 of A-Z a-z 0-9 . _ -"
    activate "$1" "$2" ;;
  confirm:1) word "$1" || refuse arguments "not a token"; confirm "$1" ;;
  rollback:0) rollback ;;
  rollback:1) word "$1" || refuse arguments "not a token"; rollback "$1" ;;
  secret:2)
    word "$1" || refuse arguments "a name is 1 to 64 of A-Z a-z 0-9 . _ -"
    case $2 in '' | *[!0-9]* | ??????*) refuse arguments "a length is a number of bytes" ;; esac
    secret "$1" "$2" ;;
  run:0 | resume:0) [ -z "${SUDO_UID:-}" ] || refuse arguments "only the unit runs $verb"; "$verb"; exit 0 ;;
  *) usage >&2; refuse arguments "unknown verb or number of arguments: $verb" ;;
esac
