# shellcheck shell=sh disable=SC2154,SC2034
# The verbs status, probe and secret. Every preview asks each host for its status.

status() {
  recover
  read_boot_id
  read_machine_id
  read_links
  settings "$running_system"
  activation=null
  if [ "$phase" != idle ]; then
    out=''
    put_text token "$token" wanted "$wanted" recorded "$recorded"
    activation="{$out}"
  fi
  last_result; last=$line
  out='"version":2'
  put_text system "$running_system" booted "$booted_system" profile "$profile_system" bootDefault "$(boot_default)"
  put generation "${generation:-null}"
  put_text bootId "$boot_id" machineId "$machine_id" phase "$phase"
  put activation "$activation"
  put last "${last:-null}" # `probe` needs failedUnits after it
  put_list failedUnits "$(failed_units)"
  put_text kernel "$running_kernel" bootedKernel "$booted_kernel" reboot "$reboot"
  first_line "$state/committed"; confirmed=false
  if [ -n "$running_system" ] && [ "${line#* }" = "$running_system" ]; then confirmed=true; fi
  put_text token "${line%% *}"
  put confirmed "$confirmed"
  first_line "$state/staged"; staged=null
  if [ -n "$line" ] && [ "$running_system" != "${line#* }" ] && [ "$profile_system" = "${line#* }" ]; then
    staged="{\"token\":\"${line%% *}\",\"wanted\":\"${line#* }\"}"
  fi
  put staged "$staged"
  first_line "$state/deploy.json"; put deploy "${line:-null}"
  inhibitors=null
  if [ -r "$root$running_system/switch-inhibitors" ]; then inhibitors=$(tr -d '\n' <"$root$running_system/switch-inhibitors"); fi
  case $inhibitors in '{'*'}') ;; *) inhibitors=null ;; esac
  put inhibitors "$inhibitors"
  # `rollback` cannot confirm a system without a supervisor, such as the one from before the first deploy.
  previous=$(read_link "$gcroots/pantheros-previous")
  [ -x "$root$previous/sw/bin/pantheros-supervisor" ] || previous=
  put_text previous "$previous"
  units=null
  [ -z "$1" ] || [ "$1" = "$running_system" ] || units=$(unit_links)
  put units "$units"
  put secrets "{$(secret_sums)}"
  printf '{%s}\n' "$out"
}
# The status without the texts of failures, which may show more than a probe key is allowed to read.
probe() {
  status "$@" | sed -E 's/"last":\{"outcome":("[a-z-]*"),"step":("[^"\\]*"|null),.*,"wanted":("[^"\\]*"|null),"recorded".*,"token":("[^"\\]*"|null),"attempt".*\},"failedUnits"/"last":{"outcome":\1,"step":\2,"wanted":\3,"token":\4},"failedUnits"/'
}
# `ls` reads some hundred links in one process, and no unit name has blanks.
# shellcheck disable=SC2012
unit_links() {
  ls -l "$root$running_system/etc/systemd/system/" 2>/dev/null | awk '$(NF-1) == "->" { print $(NF-2) "\t" $NF }' | sed 's/\\/\\\\/g' |
    awk -F'\t' 'BEGIN { printf "{" } { printf "%s\"%s\":\"%s\"", (NR > 1 ? "," : ""), $1, $2 } END { printf "}" }'
}
secret_sums() {
  set -- "$state/secrets/"*
  [ -e "$1" ] || return 0
  sha256sum "$@" | awk '{ sub(/.*\//, "", $2); printf "%s\"%s\":\"%s\"", (NR > 1 ? "," : ""), $2, $1 }'
}

# secret NAME BYTES: stdin replaces the secret only when it has that length, so a cut stream never does.
secret() {
  mkdir -p "$state/secrets"
  incoming=$(mktemp "$state/incoming.XXXXXX") || exit 1
  trap 'rm -f "$incoming"' EXIT
  head -c 65537 >"$incoming"
  size=$(wc -c <"$incoming")
  [ "$size" -gt 0 ] || refuse secret "nothing on stdin"
  [ "$size" -le 65536 ] || refuse secret "more than 65536 bytes"
  [ "$size" -eq "$2" ] || refuse secret "$((size)) bytes of $2 arrived"
  sync_file "$incoming" && mv -fT "$incoming" "$state/secrets/$1" || exit 1
  sha256sum <"$state/secrets/$1" | cut -d' ' -f1
}
