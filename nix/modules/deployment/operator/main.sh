#!/bin/sh
# shellcheck disable=SC2034,SC2154
# pantheros-operator: what people of a role may do on this host through a control centre.
#
#   pantheros-operator ROLE             the forced command of a role's key. It takes VERB and its arguments from the
#                                       caller's command and runs itself as root, by the account's only sudo rule.
#   pantheros-operator ROLE VERB ARG... as root: does it when /etc/pantheros/operators has a line "ROLE VERB"
#
# text.nix joins it with the supervisor's text.sh, which has `refuse`, `json` and `mask`.
# Needs: coreutils, systemd, awk, sed, grep, sudo. Runs under dash, bash and busybox sh.
set -u
LC_ALL=C
export LC_ALL
umask 077

# PANTHEROS_ROOT prefixes every path, for tests; under sudo it counts as in the supervisor, not at all.
if [ -n "${SUDO_UID:-}" ]; then PANTHEROS_ROOT=; fi
root=${PANTHEROS_ROOT:-}
state=$root/var/lib/pantheros # where `mask` reads the host's secrets
rules=$root/etc/pantheros/operators
supervisor=$root/run/current-system/sw/bin/pantheros-supervisor
tab='	'
max_lines=1000
max_bytes=262144

usage() {
  cat <<'TEXT'
pantheros-operator ROLE VERB: what a role may do is in /etc/pantheros/operators
  status               what runs, what boots, the last result (JSON)
  logs UNIT [LINES]    the last lines of a unit's journal, at most 1000 lines and 256 KiB, without control characters
  restart UNIT         restart a unit that the role may restart (JSON)
  rollback TOKEN       activate the previously committed system and wait for `confirm TOKEN` (JSON)
  confirm TOKEN        keep the system that waits for TOKEN (JSON)
Exit status: as of pantheros-supervisor; 2: refused, nothing was changed.
TEXT
}

role=${1:-}
[ $# -eq 0 ] || shift
case $role in
  '' | help | -h | --help) usage; exit 0 ;;
  [!a-z]* | *[!a-z0-9-]*) refuse arguments "not the name of a role" ;;
esac

if [ $# -eq 0 ]; then
  # The words of the caller are only split: no shell reads them.
  set -f
  # shellcheck disable=SC2086
  set -- ${SSH_ORIGINAL_COMMAND:-}
  [ $# -gt 0 ] || refuse arguments "no verb: this key allows the verbs of pantheros-operator and no shell"
  exec sudo -n "$0" "$role" "$@"
fi

verb=$1
shift
case $verb in '' | *[!a-z]*) refuse arguments "unknown verb" ;; esac

require_rule() { grep -qxF -- "$role$tab$verb" "$rules" 2>/dev/null || refuse role "the role $role may not $verb on this host"; }
# The supervisor checks tokens again.
require_token() { case $1 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) refuse arguments "not a token" ;; esac; }
require_unit() {
  case $1 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9@:_.-]*) refuse arguments "not the name of a unit" ;; esac
  [ "${#1}" -le 255 ] || refuse arguments "not the name of a unit"
}

# may_restart UNIT: whether one of the role's patterns includes it.
may_restart() {
  [ -r "$rules" ] || return 1
  while IFS=$tab read -r rule_role rule_verb pattern; do
    [ "$rule_role $rule_verb" = "$role restart" ] || continue
    # shellcheck disable=SC2254
    case $1 in $pattern) return 0 ;; esac
  done <"$rules"
  return 1
}

logs() { # UNIT LINES
  journalctl --unit="$1" --lines="$2" --no-pager --quiet --output=short-iso 2>&1 |
    tail -c "$max_bytes" | tr '\r\t' '\n ' | tr -d '\000-\010\013-\037\177' | cut -b 1-2000 | mask
}

restart() { # UNIT
  case $1 in
    pantheros-* | systemd-* | ssh.service | sshd.service | sshd@* | ssh@* | dbus* | nix-daemon* | user@* | init* | emergency* | rescue*)
      refuse role "$1 is never restarted through a control centre" ;;
    *.service) ;;
    *) refuse role "only services are restarted" ;;
  esac
  may_restart "$1" || refuse role "the role $role may not restart $1 on this host"
  systemctl cat -- "$1" >/dev/null 2>&1 || refuse unit "this host has no unit $1"
  timeout 120 systemctl restart -- "$1" >/dev/null 2>&1; code=$?
  active=$(systemctl is-active -- "$1" 2>/dev/null)
  if [ "$code" = 0 ]; then
    printf '{"outcome":"restarted","unit":%s,"active":%s}\n' "$(json "$1")" "$(json "$active")"
  else
    printf '{"outcome":"failed",%s}\n' "$(failure restart "systemctl restart $1" "$code" "the unit is $active; its journal says why")"
    exit 1
  fi
}

case $verb:$# in
  status:0) require_rule; exec "$supervisor" probe ;;
  rollback:1) require_rule; require_token "$1"; exec "$supervisor" rollback "$1" ;;
  confirm:1) require_rule; require_token "$1"; exec "$supervisor" confirm "$1" ;;
  logs:1 | logs:2)
    require_rule
    require_unit "$1"
    lines=${2:-200}
    case $lines in '' | *[!0-9]* | ?????*) refuse arguments "not a number of lines" ;; esac
    [ "$lines" -le "$max_lines" ] || lines=$max_lines
    logs "$1" "$lines" ;;
  restart:1) require_unit "$1"; restart "$1" ;;
  *) refuse arguments "unknown verb or number of arguments: $verb" ;;
esac
