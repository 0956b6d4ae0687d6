#!/bin/sh
# pantheros-supervisor: the only thing the deploy user may run as root on a host (one sudo rule).
#
# It changes the running system so that the machine cannot be lost: the recorded system comes back unless the new one
# activates, passes its health checks and is confirmed over a fresh connection within its window. The boot default
# moves last, at the commit, so a crash or a reboot at any moment before that boots the old system.
#
#   activate (front, in the ssh session)  refusals, record, pins, starts the unit, waits, prints one JSON line
#   run      (unit pantheros-activation)  switching -> checking -> waiting -> committing -> idle
#   settle   (the unit's ExecStopPost)    whatever ended `run` before its commit, kill -9 included: the old system back
#
# systemd owns the unit, so neither depends on the connection. `settle` is the one place that goes back.
# Needs: coreutils, util-linux (flock), systemd, nix, curl, bash, awk, sed, grep. Runs under dash, bash and busybox sh.
set -u
LC_ALL=C HOME=/root
export LC_ALL HOME
umask 077

# PANTHEROS_ROOT prefixes every path, for tests. sudo's env_reset drops it, and should a host keep it, this does.
if [ -n "${SUDO_UID:-}" ]; then PANTHEROS_ROOT=; fi
root=${PANTHEROS_ROOT:-}
state=$root/var/lib/pantheros
gcroots=$root/nix/var/nix/gcroots
profile=$root/nix/var/nix/profiles/system
unit=pantheros-activation
tab=$(printf '\t')

usage() {
  cat <<'TEXT'
pantheros-supervisor VERB: each prints one line
  status [PATH]        what runs, what boots, the stored token, the last result (JSON); with PATH also the running
                       units when PATH is not the running system
  activate PATH TOKEN  switch to PATH and wait for `confirm TOKEN`; otherwise the running system comes back (JSON)
  confirm TOKEN        keep the system activated with TOKEN: profile and boot default (JSON)
  rollback [TOKEN]     activate the previously committed system in the same supervised way (JSON)
  secret NAME          stdin becomes /var/lib/pantheros/secrets/NAME, mode 0600; prints its sha256
Exit status: 0 waiting, current or confirmed; 1 rolled back or failed; 2 refused, nothing was touched.
TEXT
}

# --- JSON -----------------------------------------------------------------------------------------------------------
escape() { tr '\t' ' ' | tr -d '\000-\010\013-\037\177' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g'; }

# json TEXT: a JSON string, null when empty. Plain text costs no process: a fleet's probes run this a lot.
json() {
  case $1 in
    '') printf null ;;
    *[!A-Za-z0-9\ /._:,+@=\(\)-]*)
      printf '%s\n' "$1" | escape | awk 'BEGIN { printf "\"" } NR > 1 { printf "\\n" } { printf "%s", $0 } END { printf "\"" }' ;;
    *) printf '"%s"' "$1" ;;
  esac
}

json_lines() { escape | awk 'BEGIN { printf "[" } { printf "%s\"%s\"", (NR > 1 ? "," : ""), $0 } END { printf "]" }'; }

# An object is built in `out`: put KEY JSON, put_text KEY TEXT.
put() { out="$out${out:+,}\"$1\":$2"; }
put_text() { put "$1" "$(json "$2")"; }

# failure STEP COMMAND EXIT REASON: the part of a result that says what went wrong.
failure() { printf '"step":%s,"command":%s,"exitCode":%s,"reason":%s' "$(json "$1")" "$(json "$2")" "$3" "$(json "$4")"; }

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

# --- facts ----------------------------------------------------------------------------------------------------------
link() { readlink "$1" 2>/dev/null; }
running() { link "$root/run/current-system"; }
now() { read -r now _ </proc/uptime; now=${now%%.*}; } # seconds that no clock change moves
profile_path() { entry=$(link "$profile") && link "${profile%/*}/${entry##*/}"; }
generation() { entry=$(link "$profile"); entry=${entry##*/}; entry=${entry#system-}; echo "${entry%-link}"; }
generation_number() { case $(generation) in '' | *[!0-9]*) echo null ;; *) generation ;; esac; }
boot_id() { read -r boot_id <"$root/proc/sys/kernel/random/boot_id"; }
failed_units() { systemctl list-units --state=failed --plain --no-legend --no-pager 2>/dev/null | awk '{ print $1 }'; }

# What a rollback must bring back: services that run, sockets that listen, timers that wait; not those of sessions.
serving_units() {
  systemctl list-units --type=service,socket,timer,path --state=running,listening,waiting --plain --no-legend --no-pager \
    2>/dev/null | awk '$1 !~ /^(user|sshd)@|^session-|^run-|^pantheros-activation/ { print $1 }'
}

not_in() { awk '!text { seen[$0]; next } !($0 in seen)' "$1" text=1 -; } # lines of stdin that the file has not

# What the machine boots next: the first entry of the boot loader's own files. Empty when the loader is not known here.
boot_default() {
  link "$root/boot/pantheros-default" && return
  for conf in "$root"/boot/loader/loader.conf "$root"/efi/loader/loader.conf "$root"/boot/efi/loader/loader.conf; do
    [ -r "$conf" ] || continue
    first_init "${conf%/*}/entries/$(awk '$1 == "default" { print $2; exit }' "$conf")"
    return
  done
  for conf in "$root"/boot/grub/grub.cfg "$root"/boot/extlinux/extlinux.conf; do
    if [ -r "$conf" ]; then first_init "$conf"; return; fi
  done
}
first_init() { sed -n 's|.*init=\(/nix/store/[^/ ]*\)/init.*|\1|p' "$1" 2>/dev/null | head -n 1; }

# --- state: small files, each replaced whole ------------------------------------------------------------------------
write() { cat >"$state/$1.new" && { sync "$state/$1.new" 2>/dev/null || sync; } && mv -f "$state/$1.new" "$state/$1"; }
first_line() { line=; if [ -r "$1" ]; then IFS= read -r line <"$1"; fi; }

# `record` is the one file that says an activation is under way. Other versions of this program read it: add keys only.
load() {
  phase=idle attempt='' wanted='' recorded='' token='' boot='' kept=''
  [ -r "$state/record" ] || return 0
  while IFS='=' read -r key value; do
    case $key in
      phase) phase=$value ;; attempt) attempt=$value ;; wanted) wanted=$value ;; recorded) recorded=$value ;;
      token) token=$value ;; boot) boot=$value ;; kept) kept=$value ;;
    esac
  done <"$state/record"
}
enter() {
  phase=$1
  printf 'pantheros: %s: %s\n' "$phase" "$wanted" >&2
  printf 'phase=%s\nattempt=%s\nwanted=%s\nrecorded=%s\ntoken=%s\nboot=%s\nkept=%s\n' \
    "$phase" "$attempt" "$wanted" "$recorded" "$token" "$boot" "$kept" | write record
}

# settings FILE: whole seconds, each with a default, so a closure without the file still has bounds.
settings() {
  switch_seconds=300 health_seconds=60 health_period=2 confirm_seconds=30 require_signature=false
  [ -r "$1" ] || return 0
  while IFS='=' read -r key value; do
    case $key=$value in
      require_signature=true) require_signature=true ;;
      *=*[!0-9]* | *=) ;;
      switch_seconds=*) switch_seconds=$value ;; health_seconds=*) health_seconds=$value ;;
      health_period=*) health_period=$value ;; confirm_seconds=*) confirm_seconds=$value ;;
    esac
  done <"$1"
}

pin() { mkdir -p "$gcroots" && ln -sfn "$2" "$gcroots/pantheros-$1"; } # a garbage collection keeps it
unpin() { rm -f "$gcroots/pantheros-wanted" "$gcroots/pantheros-recorded"; }

# finish OUTCOME FAILURE: the result of this attempt; then the host is idle again. In this order: a reader that sees
# idle finds the result.
finish() {
  first_line "$state/health"
  out="\"outcome\":\"$1\",${2:-$(failure "" "" 0 "")}"
  put_text wanted "$wanted"
  put_text recorded "$recorded"
  put_text running "$(running)"
  put_text booted "$(link "$root/run/booted-system")"
  put generation "$(generation_number)"
  put_text token "$token"
  put_text attempt "$attempt"
  put_text at "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  put failedUnits "$(failed_units | json_lines)"
  put missingUnits "$(printf '%s' "${missing:-}" | json_lines)"
  put health "${line:-[]}"
  printf '{%s}\n' "$out" | write last
  enter idle
  unpin
}

# --- run: inside the unit -------------------------------------------------------------------------------------------
# fail STEP COMMAND EXIT REASON ends `run`; systemd then starts `settle`.
fail() { failure "$@" | write failure; exit 1; }

# bounded SECONDS COMMAND...: its output goes to the log; descriptor 9 is the lock and not for children. The umask is what
# a system expects: with this program's own, an activation would make directories that nobody else can enter.
bounded() {
  limit=$1; shift
  (umask 022 && exec timeout -k 10 "$limit" "$@") >"$state/log" 2>&1 </dev/null 9>&-
}

# must STEP SECONDS COMMAND...: `bounded`, and the end of this attempt when it fails.
must() {
  step=$1 seconds=$2; shift 2
  bounded "$seconds" "$@"; code=$?
  case $code in
    0) ;;
    124 | 137 | 143) fail "$step" "$*" "$code" "not finished after $seconds s: $(tail_of "$state/log")" ;;
    *) fail "$step" "$*" "$code" "$(tail_of "$state/log")" ;;
  esac
}

# check KIND TARGET STATUS BODY SECONDS: one health check; prints what it saw.
check() {
  case $1 in
    http)
      status=$(curl -sS --max-time "$5" -o "$state/body" -w '%{http_code}' --url "$2" 2>"$state/log") || { tail -n 1 "$state/log"; return 1; }
      printf 'status %s\n' "$status"
      case $3:$status in "$status:$status" | -:[23]*) ;; *) return 1 ;; esac
      [ "$4" = - ] || grep -qF -- "$4" "$state/body" || { printf 'body without: %s\n' "$4"; return 1; } ;;
    # bash only for its /dev/tcp: it opens the connection, sends nothing and closes it.
    tcp) host=${2%:*} host=${host#\[} host=${host%\]}
      # shellcheck disable=SC2016
      bounded "$5" bash -c 'exec 3<>"/dev/tcp/$1/$2"' tcp "$host" "${2##*:}" || { code=$?; tail -n 1 "$state/log"; echo "exit $code"; return 1; }
      echo open ;;
    unit) systemctl is-active "$2" 2>&1 ;;
    command) PATH=$PATH:$root/run/current-system/sw/bin
      bounded "$5" sh -c "$2" || { code=$?; tail_of "$state/log"; echo "exit $code"; return 1; } ;;
    *) printf 'unknown kind of check: %s\n' "$1"; return 1 ;;
  esac
}

# Units that failed since the activation began; a switch that exits 0 says nothing of a service that dies a second later.
newly_failed() { failed_units | not_in "$state/failed.before" | tr '\n' ' '; }

# Every check of the system passes in one round, within health_seconds (and at most one round longer), and nothing failed.
healthy() {
  checks=$root$1/etc/pantheros/checks
  [ -r "$checks" ] || checks=/dev/null
  now; end=$((now + health_seconds))
  while :; do
    report='' sick=''
    while IFS=$tab read -r kind name target status body limit || [ -n "${kind:-}" ]; do
      case $kind in '' | '#'*) continue ;; esac
      case $limit in '' | *[!0-9]*) limit=5 ;; esac
      ok=true
      detail=$(check "$kind" "$target" "$status" "$body" "$limit" </dev/null 9>&-) || { ok=false; sick="$sick$name ($kind $target): $detail; "; }
      report="$report${report:+,}{\"name\":$(json "$name"),\"ok\":$ok,\"detail\":$(json "$detail")}"
    done <"$checks"
    failing=$(newly_failed)
    [ -z "$failing" ] || sick="${sick}failed units: $failing"
    printf '[%s]\n' "$report" >"$state/health.new" && mv -f "$state/health.new" "$state/health"
    [ -n "$sick" ] || return 0
    now; [ "$now" -lt "$end" ] || return 1
    sleep "$health_period" 9>&-
  done
}

run() {
  lock_within 60 || exit 1
  load
  settings "$root$wanted/etc/pantheros/deploy.conf"
  enter switching
  must activate "$switch_seconds" "$root$wanted/bin/switch-to-configuration" test
  [ "$(running)" = "$wanted" ] || fail activate "$wanted/bin/switch-to-configuration test" 0 "it exited 0, but the running system is $(running)"
  enter checking
  healthy "$wanted" || fail health "$wanted/etc/pantheros/checks" 1 "not healthy within $health_seconds s: $sick"
  now; end=$((now + confirm_seconds)) # the window starts when the system is healthy
  enter waiting
  until first_line "$state/confirm" && [ "$line" = "$attempt" ]; do
    now; [ "$now" -lt "$end" ] || fail confirm "confirm $token" 1 "nobody confirmed over a fresh connection within $confirm_seconds s"
    sleep 0.1 9>&-
  done
  failing=$(newly_failed)
  [ -z "$failing" ] || fail health "systemctl --failed" 1 "failed since the activation: $failing"
  [ "$(running)" = "$wanted" ] || fail confirm "confirm $token" 1 "somebody switched the host inside the window, to $(running)"
  commit
}

commit() {
  enter committing
  before=$(profile_path)
  must commit 60 nix-env -p "$profile" --set "$wanted"
  must commit "$switch_seconds" "$root$wanted/bin/switch-to-configuration" boot
  next=$(boot_default)
  [ "${next:-$wanted}" = "$wanted" ] || fail commit "$wanted/bin/switch-to-configuration boot" 0 "it exited 0, but the machine would boot $next"
  keep "$before"
  finish confirmed
}

# keep BEFORE: this system is the committed one; BEFORE is what `rollback` goes to, and stays in the store for it.
keep() {
  printf '%s %s\n' "$token" "$wanted" | write committed
  if [ -n "$1" ] && [ "$1" != "$wanted" ]; then pin previous "$1"; fi
}

# --- settle: back to the recorded system ----------------------------------------------------------------------------
settle() {
  lock_within 60 || exit 1
  load
  [ "$phase" != idle ] || exit 0
  # The machine is going down: it boots the old system, and the next `status` says "interrupted".
  [ "$(systemctl is-system-running 2>/dev/null)" != stopping ] || exit 0
  settings "$root$wanted/etc/pantheros/deploy.conf"
  first_line "$state/failure"
  # systemd says how it ended; EXIT_STATUS is the name of a signal where it was one.
  cause=${line:-$(failure "$phase" "" 1 "the supervisor was ended while $phase (${SERVICE_RESULT:-} ${EXIT_STATUS:-})")}
  undo=; [ "$phase" != committing ] || undo=1
  enter rolling-back
  if [ -n "$undo" ] && [ -n "$kept" ] && [ "$(generation)" != "$kept" ]; then
    bounded 60 nix-env -p "$profile" --switch-generation "$kept"
  fi
  before=$(profile_path)
  if [ -n "$undo" ] && [ -n "$before" ]; then bounded "$switch_seconds" "$root$before/bin/switch-to-configuration" boot; fi
  command="$recorded/bin/switch-to-configuration test"
  bounded "$switch_seconds" "$root$recorded/bin/switch-to-configuration" test; code=$?
  missing_units
  # A switch back restarts fewer units than the switch forward did, so what served before is started by name.
  # shellcheck disable=SC2086
  if [ -n "$missing" ]; then timeout 60 systemctl start $missing >/dev/null 2>&1 9>&-; missing_units; fi
  if [ "$(running)" = "$recorded" ]; then finish rolled-back "$cause"; exit 0; fi
  finish failed "$(failure rollback "$command" "$code" "the old system did not come back: $(tail_of "$state/log"); it is still what a reboot boots")"
}
missing_units() {
  serving_units >"$state/serving.after"
  missing=$(not_in "$state/serving.after" <"$state/serving")
}

# --- the front: inside the ssh session ------------------------------------------------------------------------------
open_lock() { exec 9>>"$state/lock"; }
lock_or_refuse() {
  open_lock
  if recover && timeout 5 flock 9 && load && [ "$phase" = idle ]; then return; fi
  refuse busy "another activation is under way: $phase $wanted"
}
lock_within() { open_lock; timeout "$1" flock 9; }

# An activation that a reboot, or a kill of the unit and of its settle, cut short. False: it is alive.
recover() {
  load
  [ "$phase" != idle ] || return 0
  boot_id
  how="the machine rebooted while $phase; it booted $(link "$root/run/booted-system")"
  if [ "$boot" != "$boot_id" ]; then
    timeout 2 flock 9 || return 1 # held by another recovery, no longer than that
    load
    [ "$phase" != idle ] || return 0
  else
    flock -n 9 || return 1
    case $(systemctl is-active "$unit" 2>/dev/null) in active | activating | deactivating | reloading) return 1 ;; esac
    how="the supervisor was ended while $phase and could not go back"
  fi
  finish interrupted "$(failure "$phase" "" 1 "$how")"
}

# Being in the store proves nothing: anybody on this host may build a path, which needs no signature, or add one that is
# named by its content (ca:), for which Nix never asks for one.
signed() {
  set -- "$1" --extra-experimental-features nix-command
  path=$1; shift
  bounded 60 nix "$@" path-info --sigs "$path" || return 1
  if grep -q '[[:space:]]ca:' "$state/log"; then return 1; fi
  bounded 60 nix "$@" store verify --no-contents --sigs-needed 1 "$path"
}

activate() {
  wanted_path=$1 new_token=$2
  lock_or_refuse
  from=$(running)
  [ -n "$from" ] || refuse machine "no running NixOS system: /run/current-system is missing"
  pin wanted "$wanted_path"
  [ -f "$root$wanted_path/nixos-version" ] || { unpin; refuse closure "$wanted_path is not a NixOS system in this store"; }
  settings "$root$from/etc/pantheros/deploy.conf"
  if [ "$require_signature" = true ] && ! signed "$wanted_path"; then
    unpin; refuse signature "no trusted key signed it: $(tail_of "$state/log")"
  fi
  # NixOS 26.05: some components can't be exchanged under a running system. It judges that itself, and touches nothing.
  if [ -e "$root$wanted_path/switch-inhibitors" ] && ! bounded 60 "$root$wanted_path/bin/switch-to-configuration" check; then
    unpin; refuse inhibitors "a reboot is needed: $(tail_of "$state/log")"
  fi
  settings "$root$wanted_path/etc/pantheros/deploy.conf"
  read -r attempt </proc/sys/kernel/random/uuid
  boot_id
  wanted=$wanted_path token=$new_token recorded=$from boot=$boot_id kept=$(generation)
  rm -f "$state/confirm" "$state/failure" "$state/health" "$state/offer"
  failed_units >"$state/failed.before"
  next=$(boot_default)
  if [ "$wanted" = "$(running)" ] && [ "$wanted" = "$(profile_path)" ] && [ "$wanted" = "${next:-$wanted}" ]; then
    already
  fi
  serving_units >"$state/serving"
  pin recorded "$recorded"
  enter starting || { unpin; refuse state "cannot write to $state: is the disk full?"; }
  systemd-run --quiet --collect --no-ask-password --service-type=exec --unit="$unit" --description="pantheros: activate $wanted" \
    --property=KillMode=mixed --property=TimeoutStopSec="$((switch_seconds * 2 + 300))" --property=OOMScoreAdjust=-900 \
    --property="ExecStopPost=$self settle" -- "$self" run >"$state/log" 2>&1 9>&- || {
    finish failed "$(failure start systemd-run 1 "$(tail_of "$state/log")")"; answer
  }
  exec 9>&-
  await waiting "$((switch_seconds * 2 + health_seconds * 2 + 180))"
}

# The wanted system runs and boots already: there is nothing to go back to, but it must be healthy to be confirmed.
already() {
  if healthy "$wanted"; then
    printf '%s %s\n' "$token" "$wanted" | write offer
    finish current
  else
    finish failed "$(failure health "$wanted/etc/pantheros/checks" 1 "not healthy within $health_seconds s: $sick")"
  fi
  answer
}

# await PHASE SECONDS: prints the end of this attempt, or PHASE when it comes first. Losing this process changes nothing.
await() {
  mine=$attempt
  now; end=$((now + $2))
  while load; [ "$phase" != idle ] && [ "$attempt" = "$mine" ]; do
    if [ "$phase" = "$1" ]; then
      first_line "$state/health"
      printf '{"outcome":"waiting","running":%s,"token":%s,"seconds":%s,"health":%s}\n' "$(json "$(running)")" "$(json "$token")" "$confirm_seconds" "${line:-[]}"
      exit 0
    fi
    now; [ "$now" -lt "$end" ] || { printf '{"outcome":"failed",%s}\n' "$(failure "$phase" "" 1 "no end after $2 s; it goes on by itself")"; exit 1; }
    sleep 0.1 9>&-
  done
  answer
}
answer() {
  first_line "$state/last"
  printf '%s\n' "$line"
  case $line in '{"outcome":"confirmed"'* | '{"outcome":"current"'*) exit 0 ;; *) exit 1 ;; esac
}

confirm() {
  given=$1
  load
  if [ "$phase" = waiting ] && [ "$token" = "$given" ]; then
    echo "$attempt" | write confirm
    settings "$root$wanted/etc/pantheros/deploy.conf"
    await never "$((switch_seconds * 2 + 180))"
  fi
  [ "$phase" = idle ] || refuse confirm "the activation under way ($phase) is not waiting for this token"
  lock_or_refuse
  first_line "$state/offer"
  if [ -n "$line" ] && [ "$line" = "$given $(running)" ]; then
    rm -f "$state/offer"
    token=$given wanted=${line#* } recorded=${line#* }
    keep "" && finish confirmed && answer
  fi
  first_line "$state/committed"
  [ "$line" = "$given $(running)" ] || refuse confirm "nothing waits for this token"
  printf '{"outcome":"confirmed",%s,"running":%s,"generation":%s,"token":%s}\n' \
    "$(failure "" "" 0 "")" "$(json "$(running)")" "$(generation_number)" "$(json "$given")"
}

rollback() {
  previous=$(link "$gcroots/pantheros-previous") || refuse rollback "no previously committed system is known on this host"
  read -r fresh </proc/sys/kernel/random/uuid
  activate "$previous" "${1:-rollback-$fresh}"
}

status() {
  open_lock
  recover
  load
  boot_id
  system=$(running)
  first_line "$state/last"; last=$line
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
  inhibitors=$(tr -d '\n' 2>/dev/null <"$root$system/switch-inhibitors")
  case $inhibitors in '{'*'}') ;; *) inhibitors=null ;; esac
  out='"version":1'
  put_text system "$system"
  put_text booted "$(link "$root/run/booted-system")"
  put_text profile "$(profile_path)"
  put_text bootDefault "$(boot_default)"
  put generation "$(generation_number)"
  put_text bootId "$boot_id"
  put_text token "$stored"
  put confirmed "$confirmed"
  put_text phase "$phase"
  put activation "$under_way"
  put last "${last:-null}"
  put failedUnits "$(failed_units | json_lines)"
  put_text kernel "$(link "$root$system/kernel")"
  put inhibitors "$inhibitors"
  put units "$(units_unless "$1")"
  put secrets "{$(secret_sums)}"
  printf '{%s}\n' "$out"
}
# One process for some hundred links; unit names hold no blanks.
# shellcheck disable=SC2012
units_unless() {
  if [ -z "$1" ] || [ "$1" = "$system" ]; then printf null; return; fi
  ls -l "$root$system/etc/systemd/system/" 2>/dev/null | awk '$(NF-1) == "->" { print $(NF-2) "\t" $NF }' | sed 's/\\/\\\\/g' |
    awk -F'\t' 'BEGIN { printf "{" } { printf "%s\"%s\":\"%s\"", (NR > 1 ? "," : ""), $1, $2 } END { printf "}" }'
}
secret_sums() {
  set -- "$state/secrets/"*
  [ -e "$1" ] || return 0
  sha256sum "$@" | awk '{ sub(/.*\//, "", $2); printf "%s\"%s\":\"%s\"", (NR > 1 ? "," : ""), $2, $1 }'
}

secret() {
  mkdir -p "$state/secrets"
  incoming=$(mktemp "$state/incoming.XXXXXX") || exit 1
  trap 'rm -f "$incoming"' EXIT
  head -c 65537 >"$incoming"
  size=$(wc -c <"$incoming")
  [ "$size" -gt 0 ] || refuse secret "nothing on stdin"
  [ "$size" -le 65536 ] || refuse secret "more than 65536 bytes"
  { sync "$incoming" 2>/dev/null || sync; } && mv -f "$incoming" "$state/secrets/$1" || exit 1
  sha256sum <"$state/secrets/$1" | cut -d' ' -f1
}

# --- arguments ------------------------------------------------------------------------------------------------------
store_path() {
  name=${1#/nix/store/}; hash=${name%%-*}
  case $name in *[!A-Za-z0-9+._?=-]*) return 1 ;; esac
  [ "/nix/store/$name" = "$1" ] && [ "${#hash}" = 32 ] && [ "$name" != "$hash" ]
}
word() { case $1 in '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) return 1 ;; esac; [ "${#1}" -le 64 ]; }

verb=${1:-help}
[ $# -eq 0 ] || shift
case $verb in help | -h | --help) usage; exit 0 ;; esac
[ -n "$root" ] || [ "$(id -u)" = 0 ] || refuse user "only root can do this: sudo -n $0 $verb"
mkdir -p "$state" && chmod 700 "$state" || exit 1
self=$(readlink -f "$0") # a store path: /run/current-system is about to mean something else

case $verb:$# in
  status:0) status "" ;;
  status:1) store_path "$1" || refuse arguments "not a store path"; status "$1" ;;
  activate:2)
    store_path "$1" || refuse arguments "not a store path"
    word "$2" || refuse arguments "a token is 1 to 64 of A-Z a-z 0-9 . _ -"
    activate "$1" "$2" ;;
  confirm:1) word "$1" || refuse arguments "not a token"; confirm "$1" ;;
  rollback:0) rollback ;;
  rollback:1) word "$1" || refuse arguments "not a token"; rollback "$1" ;;
  secret:1) word "$1" || refuse arguments "a name is 1 to 64 of A-Z a-z 0-9 . _ -"; secret "$1" ;;
  run:0 | settle:0) [ -z "${SUDO_UID:-}" ] || refuse arguments "only the unit runs $verb"; "$verb" ;;
  *) usage >&2; refuse arguments "unknown verb or number of arguments: $verb" ;;
esac
