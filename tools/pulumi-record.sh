# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154  # set by tools/pulumi and tools/pulumi-arguments.sh, which read what this sets
# Records what a run does (runs/); sourced by tools/pulumi and tools/pulumi-recorded, which set PANTHEROS_ROOT.

# Starts the recorder beside this process, which becomes the Pulumi CLI. Sets pantheros_event_log to the CLI's option, or
# to nothing when the run is not recorded. The engine's event log holds secrets in plain text: it goes to a file without a
# name, which is gone with the processes that have it open, and is in memory where that is possible. A pipe would stop
# the engine when the recorder stops. Pulumi has its option for debugging only (PULUMI_DEBUG_COMMANDS).
pantheros_record() {
  pantheros_event_log=''
  [ "${PANTHEROS_RECORD:-on}" != off ] || return 0
  case $pantheros_command in
    up | preview | destroy | refresh) pantheros_recorded=$pantheros_command ;;
    update) pantheros_recorded=up ;;
    pre) pantheros_recorded=preview ;;
    down) pantheros_recorded=destroy ;;
    *) return 0 ;;
  esac
  case " $* " in *" --event-log"*) return 0 ;; esac
  { command -v node >/dev/null && [ -d "$PANTHEROS_ROOT/node_modules/zod" ]; } || return 0
  pantheros_shared=/dev/shm
  [ -w "$pantheros_shared" ] || pantheros_shared=${TMPDIR:-/tmp}
  if ! pantheros_log_file=$(umask 077 && mktemp "$pantheros_shared/pantheros-events-XXXXXX" 2>/dev/null); then
    echo "warning: this run is not recorded: no file can be made in $pantheros_shared" >&2
    return 0
  fi
  exec 9<>"$pantheros_log_file"
  rm -f "$pantheros_log_file"
  node "$PANTHEROS_ROOT/runs/main.ts" $$ "$pantheros_recorded" "${pantheros_stack##*/}" <&9 9<&- >/dev/null &
  export PULUMI_DEBUG_COMMANDS=true
  pantheros_event_log=--event-log=/dev/fd/9
}
