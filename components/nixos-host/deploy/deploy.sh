#!/bin/sh
# Deploys one host: hands PANTHEROS_DEPLOY, the JSON as in spec.ts, to the program that asked for it (PANTHEROS_DESK, a Unix socket of desk.ts),
# and prints what that says: lines of progress to stderr, one line of JSON (result.ts) to stdout, whatever became of the host.
set -u
printf %s "$PANTHEROS_DEPLOY" | curl --silent --show-error --fail-with-body --no-buffer --noproxy '*' \
  --unix-socket "$PANTHEROS_DESK" --header 'Content-Type: application/json' --data-binary @- http://desk/ | {
  result=''
  while IFS= read -r line; do
    case $line in '{'*) result=$line ;; *) printf '%s\n' "$line" >&2 ;; esac
  done
  [ -n "$result" ] || { echo "pantheros deploy: $PANTHEROS_DESK ended before the deploy did" >&2; exit 1; }
  printf '%s\n' "$result"
}
