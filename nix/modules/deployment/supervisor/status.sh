# shellcheck shell=sh disable=SC2154,SC2034
# What is asked of a host in every preview, and the secrets it gets.

status() {
  recover
  boot_id
  machine_id
  read_links
  system=$running_system
  committed_to=$profile_system
  last_result; last=$line
  first_line "$state/deploy.json"; deploy=$line
  first_line "$state/staged"; waiting=null
  if [ -n "$line" ] && [ "$system" != "${line#* }" ] && [ "$committed_to" = "${line#* }" ]; then
    waiting="{\"token\":\"${line%% *}\",\"wanted\":\"${line#* }\"}"
  fi
  first_line "$state/committed"; stored=${line%% *}; confirmed=false
  if [ -n "$system" ] && [ "${line#* }" = "$system" ]; then confirmed=true; fi
  under_way=null
  if [ "$phase" != idle ]; then
    out=''
    put_text token "$token"
    put_text wanted "$wanted"
    put_text recorded "$recorded"
    under_way="{$out}"
  fi
  inhibitors=null
  if [ -r "$root$system/switch-inhibitors" ]; then inhibitors=$(tr -d '\n' <"$root$system/switch-inhibitors"); fi
  case $inhibitors in '{'*'}') ;; *) inhibitors=null ;; esac
  settings "$system"
  out='"version":2'
  put_text system "$system"
  put_text booted "$booted_system"
  put_text profile "$committed_to"
  put_text bootDefault "$(boot_default)"
  put generation "${generation_now:-null}"
  put_text bootId "$boot_id"
  put_text machineId "$machine_id"
  put_text token "$stored"
  put confirmed "$confirmed"
  put_text phase "$phase"
  put activation "$under_way"
  put staged "$waiting"
  put last "${last:-null}"
  put_list failedUnits "$(failed_units)"
  put_text kernel "$running_kernel"
  put_text bootedKernel "$booted_kernel"
  put_text reboot "$reboot"
  put inhibitors "$inhibitors"
  # A system without a supervisor, from before the first deploy, could never be confirmed: nothing to go back to.
  previous=$(link "$gcroots/pantheros-previous")
  [ -x "$root$previous/sw/bin/pantheros-supervisor" ] || previous=
  put_text previous "$previous"
  put deploy "${deploy:-null}"
  if [ -z "$1" ] || [ "$1" = "$system" ]; then put units null; else put units "$(units)"; fi
  put secrets "{$(secret_sums)}"
  printf '{%s}\n' "$out"
}
# For keys that may only ask: no text of what failed, which may hold more than they are to see.
probe() {
  status "$@" | sed -E 's/"last":\{"outcome":("[a-z-]*"),"step":("[^"\\]*"|null),.*,"wanted":("[^"\\]*"|null),"recorded".*,"token":("[^"\\]*"|null),"attempt".*\},"failedUnits"/"last":{"outcome":\1,"step":\2,"wanted":\3,"token":\4},"failedUnits"/'
}
# One process for some hundred links; unit names hold no blanks.
# shellcheck disable=SC2012
units() {
  ls -l "$root$system/etc/systemd/system/" 2>/dev/null | awk '$(NF-1) == "->" { print $(NF-2) "\t" $NF }' | sed 's/\\/\\\\/g' |
    awk -F'\t' 'BEGIN { printf "{" } { printf "%s\"%s\":\"%s\"", (NR > 1 ? "," : ""), $1, $2 } END { printf "}" }'
}
secret_sums() {
  set -- "$state/secrets/"*
  [ -e "$1" ] || return 0
  sha256sum "$@" | awk '{ sub(/.*\//, "", $2); printf "%s\"%s\":\"%s\"", (NR > 1 ? "," : ""), $2, $1 }'
}

# secret NAME BYTES: replaced only by a stream of that length, which one that was cut short is not.
secret() {
  mkdir -p "$state/secrets"
  incoming=$(mktemp "$state/incoming.XXXXXX") || exit 1
  trap 'rm -f "$incoming"' EXIT
  head -c 65537 >"$incoming"
  size=$(wc -c <"$incoming")
  [ "$size" -gt 0 ] || refuse secret "nothing on stdin"
  [ "$size" -le 65536 ] || refuse secret "more than 65536 bytes"
  [ "$size" -eq "$2" ] || refuse secret "$((size)) bytes of $2 arrived"
  flush "$incoming" && mv -fT "$incoming" "$state/secrets/$1" || exit 1
  sha256sum <"$state/secrets/$1" | cut -d' ' -f1
}
