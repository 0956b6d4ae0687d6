# shellcheck shell=sh disable=SC2154,SC2034
# Commands with a bound, and the health of a system.

# fail STEP COMMAND EXIT REASON ends this run of the unit: systemd starts it again, and it goes back.
fail() { record_failure "$@"; exit 1; }
record_failure() {
  cause=$(failure "$@")
  write failure "$cause" || printf '%s\n' "$cause" >"$volatile/failure"
}
# The first failure of this activation in `cause`, empty where there is none.
first_cause() {
  first_line "$state/failure"
  [ -n "$line" ] || first_line "$volatile/failure"
  cause=$line
}

# bounded SECONDS COMMAND...: its output goes to the log. The umask is what a system expects: with this program's own, an
# activation would make directories that nobody else can enter.
bounded() {
  limit=$1; shift
  (umask 022 && exec timeout -k 10 "$limit" "$@") >"$volatile/log" 2>&1 </dev/null 9>&-
}

# must STEP SECONDS COMMAND...: `bounded`, and the end of going forward when it fails.
must() {
  step=$1 seconds=$2; shift 2
  bounded "$seconds" "$@"; code=$?
  case $code in
    0) ;;
    124 | 137 | 143) fail "$step" "$*" "$code" "not finished after $seconds s: $(tail_of "$volatile/log")" ;;
    *) fail "$step" "$*" "$code" "$(tail_of "$volatile/log")" ;;
  esac
}

# check KIND TARGET STATUS BODY SECONDS: one health check; prints what it saw.
check() {
  case $1 in
    http)
      # At most a megabyte of a body is kept, where one is looked at.
      if [ "$4" = - ]; then body=/dev/null; else body=$volatile/body; fi
      status=$(ulimit -f 2048; curl -sS --max-time "$5" -o "$body" -w '%{http_code}' --url "$2" 2>"$volatile/log") || { code=$?; tail_of "$volatile/log" | tail -n 1; [ -s "$volatile/log" ] || echo "curl: exit $code"; return 1; }
      printf 'status %s\n' "$status"
      case $3:$status in "$status:$status" | -:[23]*) ;; *) return 1 ;; esac
      [ "$4" = - ] || grep -qF -- "$4" "$body" || { printf 'body without: %s\n' "$4"; return 1; } ;;
    # bash only for its /dev/tcp: it opens the connection, sends nothing and closes it.
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

# newly_failed [STATES]: units that failed since the activation began; a switch that exits 0 says nothing of a service that
# dies a second later. False: systemd does not tell.
newly_failed() {
  dead=$(failed_units "$@") || { echo "not known: systemctl list-units failed"; return 1; }
  [ -z "$dead" ] || printf '%s\n' "$dead" | not_in "$state/failed.before" | tr '\n' ' '
}

# healthy SYSTEM: every check passes in one round, within health_seconds (and at most one round longer), and no unit failed
# or is on its way from one crash to the next. `failures` says what was not.
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
