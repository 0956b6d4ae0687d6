# shellcheck shell=sh disable=SC2154,SC2034
# The verbs status, probe and secret. Every preview asks each host for its status.

status() {
  recover
  read_boot_id; read_machine_id; read_links
  settings "$running_system"
  out=''; put_text token "$token" wanted "$wanted" recorded "$recorded"; activation="{$out}"
  [ "$phase" != idle ] || activation=null
  last_result; last=$line
  [ "$verb" = status ] || last=$(printf '%s\n' "$last" | without_texts)
  out='"version":3'
  put_text system "$running_system" booted "$booted_system" profile "$profile_system" bootDefault "$(boot_default)"
  put generation "${generation:-null}"
  first_line "$volatile/tailnet-node" # written by nix/modules/network/tailscale.nix
  put_text bootId "$boot_id" machineId "$machine_id" tailnetNode "$line" phase "$phase"
  put activation "$activation"; put last "${last:-null}"
  put_list failedUnits "$(failed_units)"
  put_text kernel "$running_kernel" bootedKernel "$booted_kernel" reboot "$reboot"
  first_line "$state/committed"; confirmed=false
  if [ -n "$running_system" ] && [ "${line#* }" = "$running_system" ]; then confirmed=true; fi
  put_text token "${line%% *}"; put confirmed "$confirmed"
  first_line "$state/staged"; staged=null
  if [ -n "$line" ] && [ "$running_system" != "${line#* }" ] && [ "$profile_system" = "${line#* }" ]; then
    staged="{\"token\":\"${line%% *}\",\"wanted\":\"${line#* }\"}"
  fi
  put staged "$staged"
  first_line "$state/deploy.json"; put deploy "${line:-null}"
  inhibitors=$(tr -d '\n' 2>/dev/null <"$root$running_system/switch-inhibitors")
  case $inhibitors in '{'*'}') ;; *) inhibitors=null ;; esac; put inhibitors "$inhibitors"
  # `rollback` cannot confirm a system without a supervisor, such as the one from before the first deploy.
  previous=$(read_link "$gcroots/pantheros-previous")
  [ -x "$root$previous/sw/bin/pantheros-supervisor" ] || previous=
  put_text previous "$previous"
  units=null; [ -z "$1" ] || [ "$1" = "$running_system" ] || units=$(unit_links)
  put units "$units"
  [ "$verb" = probe ] || { deliveries; put deliveries "{$delivered}"; }
  printf '{%s}\n' "$out"
}
# Prints the result of an attempt on stdin without the texts of its failure; nothing when stdin has
# another form.
without_texts() {
  sed -nE 's/^\{"outcome":("[a-z-]*"),"step":("[^"\\]*"|null),.*,"wanted":("[^"\\]*"|null),"recorded".*,"token":("[^"\\]*"|null),"attempt".*\}$/{"outcome":\1,"step":\2,"wanted":\3,"token":\4}/p'
}
# `ls` reads some hundred links in one process, and no unit name has blanks.
# shellcheck disable=SC2012
unit_links() {
  ls -l "$root$running_system/etc/systemd/system/" 2>/dev/null | awk '$(NF-1) == "->" { print $(NF-2) "\t" $NF }' | sed 's/\\/\\\\/g' |
    awk -F'\t' 'BEGIN { printf "{" } { printf "%s\"%s\":\"%s\"", (NR > 1 ? "," : ""), $1, $2 } END { printf "}" }'
}
# Sets `delivered` to the delivery ids of the secrets that have not changed since their delivery.
# NAME.mark has the id of NAME's delivery, a random UUID. Nothing that depends on the content of a
# secret leaves the host: with a checksum its reader could test guesses.
deliveries() {
  delivered=''
  for mark in "$state/secrets/"*.mark; do
    name=${mark##*/} name=${name%.mark}
    id=$(grep -m 1 -xE '[0-9a-f-]{36}' "$mark" 2>/dev/null) || continue
    [ -e "$state/delivered/$name" ] || record_delivery "$name" # an earlier supervisor, or root's shell, stored it
    sha256sum -c "$state/delivered/$name" >/dev/null 2>&1 || continue
    quote "$name"; delivered="$delivered${delivered:+,}$quoted:\"$id\""
  done
}
record_delivery() { mkdir -p "$state/delivered" && replace "delivered/$1" "$(sha256sum "$state/secrets/$1" 2>/dev/null)"; } # NAME

# secret NAME BYTES: stdin replaces the secret only when it has that length, so a cut stream never does.
secret() {
  mkdir -p "$state/secrets" "$state/delivered"
  incoming=$(mktemp "$state/incoming.XXXXXX") || exit 1
  trap 'rm -f "$incoming"' EXIT
  head -c 65537 >"$incoming"
  size=$(wc -c <"$incoming")
  [ "$size" -gt 0 ] || refuse secret "nothing on stdin"
  [ "$size" -le 65536 ] || refuse secret "more than 65536 bytes"
  [ "$size" -eq "$2" ] || refuse secret "$((size)) bytes of $2 arrived"
  sync_file "$incoming" && mv -fT "$incoming" "$state/secrets/$1" || exit 1
  # New content counts as a delivery only after its mark has arrived.
  case $1 in *.mark) record_delivery "${1%.mark}" ;; *) : >"$state/delivered/$1" ;; esac || exit 1
  echo stored
}
