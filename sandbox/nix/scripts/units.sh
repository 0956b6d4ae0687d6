# shellcheck shell=sh
# Shared by switch-to-configuration and pantheros-stage2 (sourced, POSIX sh): a system's units and their
# links in /run/systemd/system. A reboot removes these links, as it must for a system that was only
# tested. Debian's own units, systemd among them, stay in /usr and /etc.

unit_links="${root?}/run/systemd/system"

# units_of DIRECTORY: prints "UNIT STORE-PATH" for each link into the store.
units_of() {
  for unit_link in "$1"/*; do
    [ -L "$unit_link" ] || continue
    unit_target=$(readlink "$unit_link")
    case "$unit_target" in
      /nix/store/*) echo "${unit_link##*/} $unit_target" ;;
    esac
  done
}

# link_units SYSTEM: replaces the links by those of SYSTEM, one rename each.
link_units() {
  mkdir -p "$unit_links"
  units_of "$unit_links" | while read -r unit _; do
    [ -L "$1/etc/systemd/system/$unit" ] || rm -f "$unit_links/$unit"
  done
  units_of "$1/etc/systemd/system" | while read -r unit target; do
    [ "$(readlink "$unit_links/$unit")" = "$target" ] && continue
    ln -sf "$target" "$unit_links/.$unit.new" && mv -fT "$unit_links/.$unit.new" "$unit_links/$unit"
  done
}

# wanted_units SYSTEM: units that run when the system is up.
wanted_units() {
  for unit_link in "$1"/etc/systemd/system/multi-user.target.wants/*; do
    if [ -L "$unit_link" ]; then echo "${unit_link##*/}"; fi
  done
}

# failed_units UNIT...: prints those that failed or fail repeatedly, as systemd reports them.
failed_units() {
  [ $# -gt 0 ] || return 0
  systemctl show --no-pager -p Id -p ActiveState -p SubState -p ExecMainStatus "$@" | awk -F= '
    function print_if_failed() {
      if (state == "failed" || (sub_state == "auto-restart" && exit_status != 0)) print id
      id = state = sub_state = ""; exit_status = 0
    }
    $1 == "Id" { id = $2 }
    $1 == "ActiveState" { state = $2 }
    $1 == "SubState" { sub_state = $2 }
    $1 == "ExecMainStatus" { exit_status = $2 + 0 }
    NF == 0 { print_if_failed() }
    END { if (id != "") print_if_failed() }'
}
