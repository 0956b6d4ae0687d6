# shellcheck shell=sh disable=SC2154,SC2034
# What the supervisor prints: JSON by hand, in as few processes as can be, since a fleet's probes run this a lot.

escape() { tr '\t' ' ' | tr -d '\000-\010\013-\037\177' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g'; }

# quote TEXT: `quoted` becomes a JSON string, null when TEXT is empty. json TEXT: prints it.
quote() {
  case $1 in
    '') quoted=null ;;
    *[!A-Za-z0-9\ /._:,+@=\(\)-]*)
      quoted=$(printf '%s\n' "$1" | escape | awk 'BEGIN { printf "\"" } NR > 1 { printf "\\n" } { printf "%s", $0 } END { printf "\"" }') ;;
    *) quoted="\"$1\"" ;;
  esac
}
json() { quote "$1"; printf %s "$quoted"; }

json_lines() { escape | awk 'BEGIN { printf "[" } { printf "%s\"%s\"", (NR > 1 ? "," : ""), $0 } END { printf "]" }'; }

# An object is built in `out`: put KEY JSON, put_text KEY TEXT.
put() { out="$out${out:+,}\"$1\":$2"; }
# put_list KEY LINES: a list of strings, without a process when there are none.
put_list() { if [ -z "$2" ]; then put "$1" '[]'; else put "$1" "$(printf '%s\n' "$2" | json_lines)"; fi; }
put_text() { quote "$2"; put "$1" "$quoted"; }

# failure STEP COMMAND EXIT REASON: the part of a result that says what went wrong.
failure() {
  quote "$1"; printf '"step":%s,' "$quoted"
  quote "$2"; printf '"command":%s,"exitCode":%s,' "$quoted" "$3"
  quote "$4"; printf '"reason":%s' "$quoted"
}

# Refusals touch nothing on the host.
refuse() { printf '{"outcome":"refused",%s}\n' "$(failure "$1" "" 2 "$2")"; exit 2; }

# The end of a log for a reason, without terminal colours and without any value this host keeps as a secret.
tail_of() {
  set -- "$1" "$state/secrets/"*
  log=$1; shift
  [ -e "${1:-}" ] || set --
  tail -n 20 "$log" 2>/dev/null | tail -c 2000 | sed "s/$(printf '\033')\[[0-9;]*[A-Za-z]//g" | awk '
    !text { if (length($0) >= 6) secret[n++] = $0; next }
    { for (i = 0; i < n; i++) while (at = index($0, secret[i])) $0 = substr($0, 1, at - 1) "***" substr($0, at + length(secret[i]))
      print }' "$@" text=1 -
}
