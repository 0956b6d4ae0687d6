# shellcheck shell=sh disable=SC2154,SC2034
# What the supervisor prints. JSON is built with few processes, because every probe runs this.

escape() { tr '\t' ' ' | tr -d '\000-\010\013-\037\177' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g'; }

# quote TEXT: sets `quoted` to a JSON string, or to null when TEXT is empty. json TEXT prints it.
quote() {
  case $1 in
    '') quoted=null ;;
    *[!A-Za-z0-9\ /._:,+@=\(\)-]*)
      quoted=$(printf '%s\n' "$1" | escape | awk 'BEGIN { printf "\"" } NR > 1 { printf "\\n" } { printf "%s", $0 } END { printf "\"" }')
      case $quoted in '"'*'"') ;; *) quoted=null ;; esac ;; # a program of the pipe failed
    *) quoted="\"$1\"" ;;
  esac
}
json() { quote "$1"; printf %s "$quoted"; }

json_lines() { escape | awk 'BEGIN { printf "[" } { printf "%s\"%s\"", (NR > 1 ? "," : ""), $0 } END { printf "]" }'; }

# These append to the object in `out`: put KEY JSON, put_text {KEY TEXT}..., put_list KEY LINES (an array of strings).
put() { out="$out${out:+,}\"$1\":$2"; }
put_text() { while [ $# -gt 0 ]; do quote "$2"; put "$1" "$quoted"; shift 2; done; }
put_list() {
  array='[]'
  [ -z "$2" ] || array=$(printf '%s\n' "$2" | json_lines)
  case $array in '['*']') ;; *) array='[]' ;; esac
  put "$1" "$array"
}

# failure STEP COMMAND EXIT REASON: prints the keys of a result that describe a failure; the reason is last.
failure() {
  quote "$1"; printf '"step":%s,' "$quoted"
  quote "$2"; printf '"command":%s,"exitCode":%s,' "$quoted" "$3"
  quote "$4"; printf '"reason":%s' "$quoted"
}

# failure_after CAUSE STEP COMMAND EXIT REASON: the same, with the reason of an earlier failure appended.
failure_after() {
  earlier=${1##*\"reason\":}
  shift
  later=$(failure "$@")
  case $earlier in
    '"'*) printf '%s\\nbefore that: %s' "${later%\"}" "${earlier#\"}" ;;
    *) printf %s "$later" ;;
  esac
}

# refuse STEP REASON: only called before anything on the host changes.
refuse() { printf '{"outcome":"refused",%s}\n' "$(failure "$1" "" 2 "$2")"; exit 2; }

# Copies stdin without this host's secrets. Any eight consecutive characters of a secret are masked, so a
# secret that was cut, wrapped or quoted is masked too. A shorter line of a secret is masked as a whole,
# if it has at least six characters.
mask() {
  set --
  for secret_file in "$state/secrets/"*; do
    # An address is public. It is in this directory because the installation delivers it like a secret.
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

# tail_of LOG: its end, for a reason. Masked before it is cut, so that no part of a secret remains.
tail_of() {
  tail -c 20000 "$1" 2>/dev/null | tr '\r' '\n' | sed "s/$(printf '\033')\[[0-9;]*[A-Za-z]//g" | mask | tail -n 20 | tail -c 2000
}
