#!/bin/sh
# Makes /etc, the accounts and /run/current-system those of this system. Run at every switch and boot; doing
# it twice changes nothing. As on NixOS a snippet that fails is named, the others still run, and the exit
# code is 1. PANTHEROS_ROOT, for tests: prefix of every path outside the store.
set -u
# The caller's may be stricter; what lies in /etc is for everybody.
umask 022

system=@out@
root="${PANTHEROS_ROOT:-}"
[ -n "$root" ] || PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
tab=$(printf '\t')
status=0

# failed SNIPPET CODE
failed() {
  echo "Activation script snippet '$1' failed ($2)" >&2
  status=1
}

# link TARGET NAME: in one rename.
link() {
  mkdir -p "${2%/*}"
  ln -sfn "$1" "$2.new" && mv -fT "$2.new" "$2"
}

# --- /etc: what the system brings is listed in a manifest, so that the next one can take it away again.
# What Debian had under one of these names is kept aside and comes back.
manifest="$root/etc/.pantheros-etc"
saved="$root/etc/.pantheros-saved"

owned() { [ -f "$manifest" ] && grep -qxF -- "$1" "$manifest"; }

save_original() {
  if owned "$1" || [ ! -e "$root/etc/$1" ] || [ -e "$saved/$1" ]; then return 0; fi
  mkdir -p "$(dirname "$saved/$1")"
  cp -a "$root/etc/$1" "$saved/$1.new" && mv -fT "$saved/$1.new" "$saved/$1"
}

install_entry() {
  source=$(readlink -f "$system/etc/$2") || return 1
  target="$root/etc/$2"
  if [ "$1" = symlink ]; then
    [ "$(readlink "$target")" = "$source" ] && return 0
    link "$source" "$target"
    return
  fi
  if [ ! -L "$target" ] && cmp -s "$source" "$target"; then
    chmod "$1" "$target"
    return
  fi
  mkdir -p "${target%/*}"
  # Never readable by more than its mode says, not even before the rename.
  (umask 077 && cat "$source" >"$target.new") && chmod "$1" "$target.new" && mv -fT "$target.new" "$target"
}

remove_entry() {
  if [ -e "$saved/$1" ]; then
    mv -fT "$saved/$1" "$root/etc/$1"
  else
    rm -f "$root/etc/$1"
    rmdir -p --ignore-fail-on-non-empty "$(dirname "$root/etc/$1")" 2>/dev/null || true
  fi
}

make_etc() {
  broken=0
  entries=$(cut -f2 "$system/etc-manifest")
  mkdir -p "$root/etc"
  # Originals first, then ownership, then the files: interrupted anywhere, the next run knows what is whose.
  for path in $entries; do
    save_original "$path" || broken=1
  done
  { [ ! -f "$manifest" ] || cat "$manifest"; echo "$entries"; } | sort -u >"$manifest.new"
  mv -fT "$manifest.new" "$manifest"
  while IFS="$tab" read -r mode path; do
    install_entry "$mode" "$path" || broken=1
  done <"$system/etc-manifest"
  while read -r path; do
    cut -f2 "$system/etc-manifest" | grep -qxF -- "$path" || remove_entry "$path" || broken=1
  done <"$manifest"
  echo "$entries" | sort -u >"$manifest.new"
  mv -fT "$manifest.new" "$manifest"
  return "$broken"
}

# --- System accounts: made when missing; one that only an earlier system declared goes, its home stays.
accounts="$root/etc/.pantheros-users"

make_users() {
  broken=0
  while IFS="$tab" read -r name shell; do
    getent passwd "$name" >/dev/null || useradd --system --create-home --shell "$shell" --password '*' "$name" || broken=1
    # Debian lets only this group talk to the Nix daemon.
    if getent group nix-users >/dev/null && ! id -nG "$name" | grep -qw nix-users; then
      usermod --append --groups nix-users "$name" || broken=1
    fi
  done <"$system/users"
  if [ -f "$accounts" ]; then
    while read -r name; do
      cut -f1 "$system/users" | grep -qxF -- "$name" || userdel "$name" || echo "user $name is still in use" >&2
    done <"$accounts"
  fi
  cut -f1 "$system/users" >"$accounts.new" && mv -fT "$accounts.new" "$accounts"
  return "$broken"
}

make_hostname() { [ -n "$root" ] || hostname "$(cat "$system/etc/hostname")"; }

# What runs, what was booted and what will boot is never garbage.
make_gcroots() {
  link /run/current-system "$root/nix/var/nix/gcroots/current-system" &&
    link /run/booted-system "$root/nix/var/nix/gcroots/booted-system" &&
    link /boot/pantheros-default "$root/nix/var/nix/gcroots/boot-default"
}

# A rehearsed fault, see faults.nix.
rehearse_fault() {
  case "$(cat "$system/activation")" in
    fail)
      echo "this activation was told to fail" >&2
      return 1
      ;;
    hang) exec sleep infinity ;;
    tell)
      cat /var/lib/pantheros/secrets/* >&2
      return 1
      ;;
  esac
}

make_etc || failed etc $?
make_users || failed users $?
make_hostname || failed hostname $?
make_gcroots || failed gcroots $?
rehearse_fault || failed sandbox $?
link "$system" "$root/run/current-system"
exit "$status"
