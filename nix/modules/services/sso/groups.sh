#!/bin/sh
# Creates the directory's groups that sign-on needs, if they are missing. It never changes or removes a
# group: its members are managed in the directory. Safe to repeat.
#   usage: groups.sh GROUP...
#   PANTHEROS_LLDAP_URL       URL of the directory
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

# post PATH <BODY. Secrets go through pipes and files, because every user can read arguments. It retries
# while the directory starts.
post() {
  curl --silent --show-error --fail --max-time 20 --retry 30 --retry-delay 1 --retry-connrefused --retry-max-time 60 \
    --header @"$work/headers" --data-binary @- "$PANTHEROS_LLDAP_URL$1"
}

# ask QUERY [NAME]: sets answer.
ask() {
  answer=$(jq --null-input --compact-output --arg query "$1" --arg name "${2:-}" \
    '{$query, variables: (if $name == "" then {} else {$name} end)}' | post /api/graphql) ||
    die "no answer from $PANTHEROS_LLDAP_URL; see journalctl -u lldap"
  error=$(printf '%s' "$answer" | jq --raw-output '[.errors[]?.message] | join("; ")')
  [ -z "$error" ] || die "the directory refused: $error"
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
  echo "created the group $group"
done
