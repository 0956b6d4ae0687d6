# shellcheck shell=sh
# shellcheck disable=SC2154  # set by the wrappers
# Plugins whose engine was killed. The official ones do not notice it: they keep running beside the next run and change
# the same objects at the vendors. Sourced by tools/pulumi and tools/pantheros, which set pantheros_program.

# Prints the pids of plugins without an engine as ancestor, each followed by its descendants. Only
# plugins that the wrappers of this checkout started (PANTHEROS_ROOT in their environment). Linux
# only: reads /proc.
pantheros_orphaned_plugins() {
  cat /proc/[0-9]*/stat 2>/dev/null | awk '
    {
      pid = $1
      end = match($0, /\) [A-Za-z] /)
      name[pid] = substr($0, index($0, "(") + 1, end - index($0, "(") - 1)
      split(substr($0, end + 2), rest, " ")
      parent[pid] = rest[2]
    }
    END {
      # The kernel cuts names to 15 characters.
      for (pid in name)
        if (name[pid] ~ /^pulumi-(resourc|languag)/ && name[parent[pid]] !~ /^pulumi/) { print "plugin", pid; below[pid] = 1 }
      do {
        more = 0
        for (pid in parent) if ((parent[pid] in below) && !(pid in below)) { print "child", pid, parent[pid]; below[pid] = 1; more = 1 }
      } while (more)
    }' | while read -r pantheros_kind pantheros_pid pantheros_parent; do
    case $pantheros_kind in
      plugin)
        tr '\0' '\n' 2>/dev/null <"/proc/$pantheros_pid/environ" | grep -qxF "PANTHEROS_ROOT=$PANTHEROS_ROOT" || continue
        ;;
      child) case " $pantheros_ours " in *" $pantheros_parent "*) ;; *) continue ;; esac ;;
    esac
    pantheros_ours="${pantheros_ours:-} $pantheros_pid"
    echo "$pantheros_pid"
  done
}

# Ends them: SIGTERM, then SIGKILL after at most 3 seconds. Sets pantheros_orphans, pantheros_ours and pantheros_alive.
pantheros_end_orphaned_plugins() {
  [ -r /proc/self/stat ] || return 0
  pantheros_ours=''
  pantheros_orphans=$(pantheros_orphaned_plugins | tr '\n' ' ')
  [ -n "${pantheros_orphans% }" ] || return 0
  echo "$pantheros_program: ending processes that an interrupted run left: ${pantheros_orphans% }" >&2
  # shellcheck disable=SC2086  # a list of ids
  kill -TERM $pantheros_orphans 2>/dev/null || :
  pantheros_wait=0
  while [ "$pantheros_wait" -lt 15 ]; do
    pantheros_alive=''
    for pantheros_pid in $pantheros_orphans; do
      ! kill -0 "$pantheros_pid" 2>/dev/null || pantheros_alive="$pantheros_alive $pantheros_pid"
    done
    [ -n "$pantheros_alive" ] || return 0
    sleep 0.2
    pantheros_wait=$((pantheros_wait + 1))
  done
  # shellcheck disable=SC2086
  kill -KILL $pantheros_alive 2>/dev/null || :
}
