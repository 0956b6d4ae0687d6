#!/bin/sh
# shellcheck disable=SC2034
# pantheros-supervisor: the only program that the deploy user may run as root on a host (one sudo rule).
#
# It switches the running system so that the machine cannot be lost. The old system, which the record names, is
# restored unless the new one activates, passes its health checks, and is confirmed over a new connection in time.
# The boot default changes last, at the commit, so a crash or a reboot before that boots the old system.
#
#   activate (in the ssh session)        checks, writes the record, starts the unit, waits, prints one JSON line
#   run      (unit pantheros-activation) starting -> switching -> checking -> waiting -> committing -> committed -> idle
#            after any early end systemd runs it again: it finishes a commit, or goes to rolling-back -> idle
#   resume   (unit pantheros-resume)     starts the unit again after a boot during an activation
#
# systemd owns the unit, so it does not depend on the connection. Only `roll_back` rolls back.
# This is the last of its parts, which parts.nix joins. Variables are global; a function's comment names those it sets.
# Needs: coreutils, util-linux (flock), systemd, nix, curl, bash, awk, sed, grep. Runs under dash, bash and busybox sh.
set -u
LC_ALL=C HOME=/root
export LC_ALL HOME
umask 077

# PANTHEROS_ROOT prefixes every path, for tests. sudo's env_reset drops it; a host may keep it, so this drops it too.
if [ -n "${SUDO_UID:-}" ]; then PANTHEROS_ROOT=; fi
root=${PANTHEROS_ROOT:-}
state=$root/var/lib/pantheros
volatile=$root/run/pantheros # works even when no disk can be written
gcroots=$root/nix/var/nix/gcroots
profile=$root/nix/var/nix/profiles/system
unit=pantheros-activation
switch_lock=$root/run/nixos/switch-to-configuration.lock
# Time limit of a command that takes moments on a healthy machine; tests shorten it.
quick_seconds=60
[ -z "$root" ] || quick_seconds=${PANTHEROS_MINUTE:-60}
tab='	'
unwritable="cannot write to $state: is the disk full, or read-only?"

usage() {
  cat <<'TEXT'
pantheros-supervisor VERB: each prints one line
  status [PATH]        what runs, what boots, the stored token, the last result (JSON); with PATH also the running
                       units when PATH is not the running system
  probe [PATH]         the same without the texts of failures and the deliveries of secrets, for probe keys
  activate PATH TOKEN  switch to PATH and wait for `confirm TOKEN`; without it the old system is restored (JSON).
                       When PATH needs a reboot and its deploy.conf has reboot=allow: reboot into it and wait there;
                       otherwise make it the boot default ("staged"). stdin: who deploys what, a flat JSON object
  confirm TOKEN        keep the system activated with TOKEN: profile and boot default (JSON)
  rollback [TOKEN]     activate the previously committed system in the same supervised way (JSON)
  secret NAME BYTES    store stdin, of that length, as /var/lib/pantheros/secrets/NAME, mode 0600
Exit status: 0 waiting, rebooting, staged, current or confirmed; 1 rolled back or failed; 2 refused, nothing was changed.
TEXT
}

# require_path ARGUMENT, require_word ARGUMENT REASON: refuse any other argument.
require_path() {
  name=${1#/nix/store/}; hash=${name%%-*}
  case $name in *[!A-Za-z0-9+._?=-]*) hash='' ;; esac
  if [ "/nix/store/$name" != "$1" ] || [ "${#hash}" != 32 ] || [ "$name" = "$hash" ]; then refuse arguments "not a store path"; fi
}
require_word() {
  case $1 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) refuse arguments "$2" ;; esac
  [ "${#1}" -le 64 ] || refuse arguments "$2"
}

verb=${1:-help}
[ $# -eq 0 ] || shift
case $verb in help | -h | --help) usage; exit 0 ;; esac
[ -n "$root" ] || [ "$(id -u)" = 0 ] || refuse user "only root can do this: sudo -n $0 $verb"
[ -d "$state" ] || mkdir -p "$state" || exit 1
[ -d "$volatile" ] || mkdir -p "$volatile" || exit 1

case $verb:$# in
  status:0 | probe:0) status "" ;;
  status:1 | probe:1) require_path "$1"; status "$1" ;;
  activate:2) require_path "$1"; require_word "$2" "a token is 1 to 64 of A-Z a-z 0-9 . _ -"; activate "$1" "$2" ;;
  confirm:1) require_word "$1" "not a token"; confirm "$1" ;;
  rollback:0) rollback ;;
  rollback:1) require_word "$1" "not a token"; rollback "$1" ;;
  secret:2)
    require_word "$1" "a name is 1 to 64 of A-Z a-z 0-9 . _ -"
    case $2 in '' | *[!0-9]* | ??????*) refuse arguments "a length is a number of bytes" ;; esac
    secret "$1" "$2" ;;
  run:0 | resume:0) [ -z "${SUDO_UID:-}" ] || refuse arguments "only the host's own units run $verb"; "$verb"; exit 0 ;;
  *) usage >&2; refuse arguments "unknown verb or number of arguments: $verb" ;;
esac
