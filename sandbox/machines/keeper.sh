#!/bin/sh
# Keeps one machine of the sandbox running, as its power supply. It has its own session, so that it outlives the
# program that started it, and its own mount namespace, so that its mounts end with it, however it ends.
#
#   keeper.sh DIR BASE NETNS NAME HOSTNAME CGROUP...
#
# DIR      the machine's directory: upper/ is its disk; run/, console.log are written here
# BASE     root directory of the image, shared by all machines and never written
# NETNS    path of the machine's network namespace
# NAME     for nspawn, unique on the host system
# CGROUP   the machine's directory in each cgroup hierarchy
#
# Ends when the machine is off: 0 after an orderly power-off, else the exit code of the failed command.
# SIGTERM is the power button.
set -u

dir=$1 base=$2 netns=$3 name=$4 hostname=$5
shift 5
run="$dir/run"

# Two keepers would corrupt the disk. The lock ends with this process; the machine does not inherit fd 9.
mkdir -p "$run" || exit 70
exec 9>"$run/keeper.lock"
flock -n 9 || { echo "keeper: $name has a keeper already" >&2; exit 75; }

# This process's identity as in ../processes/identity.ts: pid, start time (field 22 of stat), boot id.
identity() {
  stat=$(cat "/proc/$$/stat") || return 1
  # shellcheck disable=SC2086 # the fields are words
  set -- ${stat##*) }
  shift 19
  echo "$$ $1 $(cat /proc/sys/kernel/random/boot_id)"
}
identity >"$run/keeper.pid.new" && mv "$run/keeper.pid.new" "$run/keeper.pid" || exit 70

# Own cgroups: two systemds in one cgroup would manage each other's processes, and ending the caller's cgroup
# must not end the machine.
for cgroup; do
  mkdir -p "$cgroup/keeper" && echo "$$" >"$cgroup/keeper/cgroup.procs" || exit 71
done

# systemd enables controllers in its cgroup, which then accepts no process: each boot needs a new one.
clear_boot() {
  for cgroup; do
    [ -d "$cgroup/boot" ] || continue
    find "$cgroup/boot" -depth -type d -exec rmdir {} + 2>/dev/null
  done
}

mkdir -p "$dir/upper" "$dir/work" "$dir/root" || exit 72
mount -t overlay overlay -o "lowerdir=$base,upperdir=$dir/upper,workdir=$dir/work" "$dir/root" || exit 72
# nspawn keeps sockets and mount points by machine name here; on this mount they end with the mount namespace.
mkdir -p /run/systemd/nspawn && mount -t tmpfs -o mode=755 nspawn /run/systemd/nspawn || exit 72

child=
off=
# shellcheck disable=SC2317 # runs as a trap
press_power_button() {
  off=1
  [ -z "$child" ] || kill -TERM "$child" 2>/dev/null
}
trap press_power_button TERM
trap '' HUP INT

boot=0
while :; do
  clear_boot "$@"
  boot=$((boot + 1))
  (
    exec 9>&-
    trap - TERM HUP INT
    for cgroup; do
      # shellcheck disable=SC3028 # a subshell's own pid, in every POSIX shell
      mkdir -p "$cgroup/boot" && sh -c 'echo "$PPID"' >"$cgroup/boot/cgroup.procs" || exit 71
    done
    export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
    exec systemd-nspawn --quiet --boot --register=no --keep-unit --settings=no \
      --directory="$dir/root" --machine="$name" --hostname="$hostname" --console=read-only \
      --network-namespace-path="$netns" --capability=CAP_NET_ADMIN \
      --resolv-conf=off --timezone=off --link-journal=no --kill-signal=SIGRTMIN+4
  ) </dev/null >>"$dir/console.log" 2>&1 &
  child=$!
  echo "$boot $child" >"$run/boot.new" && mv "$run/boot.new" "$run/boot"
  # The power button was pressed before there was a child.
  [ -z "$off" ] || kill -TERM "$child" 2>/dev/null
  # A trapped signal ends wait early, with a code above 128: wait again until the child has ended.
  wait "$child"
  code=$?
  while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    code=$?
  done
  child=
  # nspawn ends with 133 when the machine reboots.
  if [ -n "$off" ]; then
    code=0
    break
  fi
  [ "$code" = 133 ] || break
done
clear_boot "$@"
rm -f "$run/boot"
echo "keeper: $name is off ($code)"
exit "$code"
