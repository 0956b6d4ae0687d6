# shellcheck shell=sh disable=SC2154,SC2034
# Commands with a time limit, and the health of a system.

# fail STEP COMMAND EXIT REASON: ends this run of the unit. systemd starts the next run, which rolls back.
fail() { record_failure "$@"; exit 1; }
# record_failure STEP COMMAND EXIT REASON: sets cause, and writes it to `failure`.
record_failure() {
  cause=$(failure "$@")
  write failure "$cause" || printf '%s\n' "$cause" >"$volatile/failure"
}
# Sets cause to the first failure of this activation, '' when there is none.
read_cause() {
  first_line "$state/failure"
  [ -n "$line" ] || first_line "$volatile/failure"
  cause=$line
}

# bounded SECONDS COMMAND...: logs to $volatile/log. The umask is the usual one, because with this program's
# own umask an activation would create directories that only root can enter.
bounded() {
  limit=$1; shift
  (umask 022 && exec timeout -k 10 "$limit" "$@") >"$volatile/log" 2>&1 </dev/null 9>&-
}

# run_step STEP SECONDS COMMAND...: `bounded`; when the command fails, so does the activation.
run_step() {
  step=$1 seconds=$2; shift 2
  bounded "$seconds" "$@"; code=$?
  case $code in
    0) ;;
    124 | 137 | 143) fail "$step" "$*" "$code" "not finished after $seconds s: $(tail_of "$volatile/log")" ;;
    *) fail "$step" "$*" "$code" "$(tail_of "$volatile/log")" ;;
  esac
}

# check KIND TARGET STATUS BODY SECONDS: runs one health check and prints its result.
check() {
  case $1 in
    http)
      # A body is kept only when it is searched, and at most one megabyte of it.
      if [ "$4" = - ]; then body=/dev/null; else body=$volatile/body; fi
      status=$(ulimit -f 2048; curl -sS --max-time "$5" -o "$body" -w '%{http_code}' --url "$2" 2>"$volatile/log") || {
        code=$?; tail_of "$volatile/log" | tail -n 1; [ -s "$volatile/log" ] || echo "curl: exit $code"; return 1
      }
      printf 'status %s\n' "$status"
      case $3:$status in "$status:$status" | -:[23]*) ;; *) return 1 ;; esac
      [ "$4" = - ] || grep -qF -- "$4" "$body" || { printf 'body without: %s\n' "$4"; return 1; } ;;
    # bash has /dev/tcp: it opens the connection, sends nothing and closes it.
    tcp) host=${2%:*} host=${host#\[} host=${host%\]}
      # shellcheck disable=SC2016
      bounded "$5" bash -c 'exec 3<>"/dev/tcp/$1/$2"' tcp "$host" "${2##*:}" || { code=$?; tail_of "$volatile/log" | tail -n 1; echo "exit $code"; return 1; }
      echo open ;;
    unit) systemctl is-active "$2" 2>&1 ;;
    command) PATH=$PATH:$root/run/current-system/sw/bin
      bounded "$5" sh -c "$2" || { code=$?; tail_of "$volatile/log"; echo "exit $code"; return 1; } ;;
    *) printf 'unknown kind of check: %s\n' "$1"; return 1 ;;
  esac
}

# newly_failed [STATES]: prints the units that failed since the activation began, because a service can fail
# after a switch that exits with 0. False: systemd did not list the units.
newly_failed() {
  failed=$(failed_units "$@") || { echo "not known: systemctl list-units failed"; return 1; }
  [ -z "$failed" ] || printf '%s\n' "$failed" | not_in "$state/failed.before" | tr '\n' ' '
}

# healthy SYSTEM: within health_seconds (and at most one round more), all checks pass in one round and no unit
# has failed or waits for a restart after a crash. Sets failures, and writes the results to `health`.
healthy() {
  checks=$root$1/etc/pantheros/checks
  [ -r "$checks" ] || checks=/dev/null
  now; end=$((now + health_seconds))
  while :; do
    report='' failures=''
    while IFS=$tab read -r kind name target status body limit || [ -n "${kind:-}" ]; do
      case $kind in '' | '#'*) continue ;; esac
      case $limit in '' | *[!0-9]*) limit=$check_seconds ;; esac
      ok=true
      detail=$(check "$kind" "$target" "$status" "$body" "$limit" </dev/null 9>&-) || { ok=false; failures="$failures$name ($kind $target): $detail; "; }
      report="$report${report:+,}{\"name\":$(json "$name"),\"ok\":$ok,\"detail\":$(json "$detail")}"
    done <"$checks"
    failing=$(newly_failed failed,auto-restart)
    [ -z "$failing" ] || failures="${failures}failed units: $failing"
    printf '[%s]\n' "$report" >"$state/health.new" && mv -f "$state/health.new" "$state/health"
    [ -n "$failures" ] || return 0
    now; [ "$now" -lt "$end" ] || return 1
    sleep "$health_period" 9>&-
  done
}
