# shellcheck shell=sh disable=SC2154,SC2034
# What the supervisor prints: JSON by hand, in as few processes as possible, since a fleet's probes run this a lot.

escape() { tr '\t' ' ' | tr -d '\000-\010\013-\037\177' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g'; }

# quote TEXT: `quoted` becomes a JSON string, null when TEXT is empty. json TEXT: prints it.
quote() {
  case $1 in
    '') quoted=null ;;
    *[!A-Za-z0-9\ /._:,+@=\(\)-]*)
      quoted=$(printf '%s\n' "$1" | escape | awk 'BEGIN { printf "\"" } NR > 1 { printf "\\n" } { printf "%s", $0 } END { printf "\"" }')
      case $quoted in '"'*'"') ;; *) quoted=null ;; esac ;; # a program of these failed
    *) quoted="\"$1\"" ;;
  esac
}
json() { quote "$1"; printf %s "$quoted"; }

json_lines() { escape | awk 'BEGIN { printf "[" } { printf "%s\"%s\"", (NR > 1 ? "," : ""), $0 } END { printf "]" }'; }

# An object is built in `out`: put KEY JSON, put_text KEY TEXT.
put() { out="$out${out:+,}\"$1\":$2"; }
# put_list KEY LINES: a list of strings, without a process when there are none.
put_list() {
  if [ -z "$2" ]; then put "$1" '[]'; return; fi
  listed=$(printf '%s\n' "$2" | json_lines)
  case $listed in '['*']') put "$1" "$listed" ;; *) put "$1" '[]' ;; esac
}
put_text() { quote "$2"; put "$1" "$quoted"; }

# failure STEP COMMAND EXIT REASON: the part of a result that says what went wrong. The reason is its end.
failure() {
  quote "$1"; printf '"step":%s,' "$quoted"
  quote "$2"; printf '"command":%s,"exitCode":%s,' "$quoted" "$3"
  quote "$4"; printf '"reason":%s' "$quoted"
}

# failure_after CAUSE STEP COMMAND EXIT REASON: the same, with the reason of an earlier failure at its end.
failure_after() {
  earlier=${1##*\"reason\":}
  shift
  later=$(failure "$@")
  case $earlier in
    '"'*) printf '%s\\nbefore that: %s' "${later%\"}" "${earlier#\"}" ;;
    *) printf %s "$later" ;;
  esac
}

# Refusals change nothing on the host.
refuse() { printf '{"outcome":"refused",%s}\n' "$(failure "$1" "" 2 "$2")"; exit 2; }

# mask: stdin without the secrets of this host. Any eight characters in a row that are in a secret are masked, so that one which was
# cut, wrapped or quoted does not show either; a line of a secret that is shorter only as a whole, and from six characters on.
mask() {
  set --
  for secret_file in "$state/secrets/"*; do
    # An address is no secret: it lies there since that is where an installation leaves what only the program knows.
    case $secret_file in */uplink-address) continue ;; esac
    [ ! -e "$secret_file" ] || set -- "$@" "$secret_file"
  done
  awk '
    !text && length($0) < 8 { if (length($0) > 5) short[$0]; next }
    !text { for (i = 1; i + 7 <= length($0); i++) piece[substr($0, i, 8)]; next }
    { shown = ""; end = masked = 0
      for (i = 1; i <= length($0); i++) {
        if (substr($0, i, 8) in piece) end = i + 7
        if (i > end) shown = shown substr($0, i, 1)
        else if (!masked) shown = shown "***"
        masked = i <= end
      }
      for (word in short) while (at = index(shown, word)) shown = substr(shown, 1, at - 1) "***" substr(shown, at + length(word))
      print shown }' "$@" text=1 -
}

# The end of a log for a reason, without terminal colours and secrets: it is masked before it is cut to what a reason holds.
tail_of() {
  tail -c 20000 "$1" 2>/dev/null | tr '\r' '\n' | sed "s/$(printf '\033')\[[0-9;]*[A-Za-z]//g" | mask | tail -n 20 | tail -c 2000
}
