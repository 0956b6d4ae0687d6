#!/bin/sh
# Makes the groups that sign-on asks for, where the directory has none of the name. Takes nobody out and removes nothing:
# who is in a group is decided in the directory. Safe to run twice.
#   usage: groups.sh GROUP...
#   PANTHEROS_LLDAP_URL       where the directory answers
#   PANTHEROS_LLDAP_PASSWORD  file with its administrator's password
# Source of the interface: lldap, scripts/bootstrap.sh.
set -eu
umask 077

die() {
  echo "pantheros-directory-groups: $*" >&2
  exit 1
}

[ -r "$PANTHEROS_LLDAP_PASSWORD" ] || die "no password at $PANTHEROS_LLDAP_PASSWORD: has the secret lldap-admin-password arrived?"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "Content-Type: application/json" >"$work/headers"

# post PATH <BODY. What is secret goes through pipes and files: arguments are everybody's to read. The directory may still start.
post() {
  curl --silent --show-error --fail --max-time 20 --retry 30 --retry-delay 1 --retry-connrefused --retry-max-time 60 \
    --header @"$work/headers" --data-binary @- "$PANTHEROS_LLDAP_URL$1"
}

# ask QUERY [NAME] -> $answer
ask() {
  answer=$(jq --null-input --compact-output --arg query "$1" --arg name "${2:-}" \
    '{$query, variables: (if $name == "" then {} else {$name} end)}' | post /api/graphql) ||
    die "no answer from $PANTHEROS_LLDAP_URL; see journalctl -u lldap"
  error=$(printf '%s' "$answer" | jq --raw-output '[.errors[]?.message] | join("; ")')
  [ -z "$error" ] || die "the directory says: $error"
}

answer=$(jq --null-input --compact-output --rawfile password "$PANTHEROS_LLDAP_PASSWORD" \
  '{username: "admin", password: ($password | rtrimstr("\n"))}' | post /auth/simple/login) ||
  die "the administrator can't log in at $PANTHEROS_LLDAP_URL; is the secret lldap-admin-password the directory's? See journalctl -u lldap"
printf 'Authorization: Bearer %s\n' "$(printf '%s' "$answer" | jq --raw-output .token)" >>"$work/headers"

ask '{ groups { displayName } }'
known=$answer
for group; do
  if printf '%s' "$known" | jq --exit-status --arg name "$group" 'any(.data.groups[]; .displayName == $name)' >/dev/null; then continue; fi
  # shellcheck disable=SC2016
  ask 'mutation ($name: String!) { createGroup(name: $name) { id } }' "$group"
  echo "made the group $group"
done
