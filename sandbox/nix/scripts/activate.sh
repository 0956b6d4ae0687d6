#!/bin/sh
# Sets up /etc, the accounts and /run/current-system of this system. Runs at every switch and boot; safe
# to repeat. As on NixOS, a failed snippet is named, the others still run, and the exit code is 1.
# PANTHEROS_ROOT, for tests: prefix of every path outside the store.
set -u
# The caller's umask may be stricter, but every user reads /etc.
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

# link TARGET NAME: replaces NAME in one rename.
link() {
  mkdir -p "${2%/*}"
  ln -sfn "$1" "$2.new" && mv -fT "$2.new" "$2"
}

# --- /etc: a manifest lists the system's files, so that the next system can remove them.
# Debian's files with the same names are saved, and restored when the system's are removed.
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
  # Created with a strict mode, so it is never readable by more users than its mode allows.
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
  # The originals are saved first, then the manifest, then the files: after an interruption the
  # manifest still lists which files belong to the system.
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

# --- System accounts: created when missing. An account that only an earlier system declared is deleted;
# its home stays.
accounts="$root/etc/.pantheros-users"

make_users() {
  broken=0
  while IFS="$tab" read -r name shell; do
    getent passwd "$name" >/dev/null || useradd --system --create-home --shell "$shell" --password '*' "$name" || broken=1
    # Debian lets only the first group use the Nix daemon. No person has an account here, so the second one lets the
    # accounts that there are read the journal.
    for group in nix-users systemd-journal; do
      if getent group "$group" >/dev/null && ! id -nG "$name" | grep -qw "$group"; then
        usermod --append --groups "$group" "$name" || broken=1
      fi
    done
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

# The running system, the booted one and the boot default are never garbage.
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
    slow) sleep 3 ;;
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
