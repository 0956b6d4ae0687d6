#!/bin/sh
# Creates the directory's groups that sign-on needs, and the account with which sign-on servers read the
# directory, if they are missing. Members of groups are managed in the directory; this script does not change
# them. It sets the reader's password each time, so that a new secret takes effect. Safe to repeat.
#   usage: groups.sh GROUP...
#   PANTHEROS_LLDAP_URL       URL of the directory
#   PANTHEROS_LLDAP_LDAP      URL of the directory over LDAP
#   PANTHEROS_LLDAP_PEOPLE    DN of its accounts: ou=people,dc=...
#   PANTHEROS_LLDAP_PASSWORD  file with its administrator's password
#   PANTHEROS_LLDAP_READER    name of the reader; its password is in the file PANTHEROS_LLDAP_READER_PASSWORD
# Source of the interface: lldap, scripts/bootstrap.sh; of the group that may read all and change nothing
# (lldap_strict_readonly): lldap's README.
set -eu
umask 077

die() {
  echo "pantheros-directory-groups: $*" >&2
  exit 1
}

[ -r "$PANTHEROS_LLDAP_PASSWORD" ] || die "no password at $PANTHEROS_LLDAP_PASSWORD: has the secret lldap-admin-password arrived?"
[ -s "$PANTHEROS_LLDAP_READER_PASSWORD" ] || die "no password at $PANTHEROS_LLDAP_READER_PASSWORD: has the secret lldap-reader-password arrived?"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "Content-Type: application/json" >"$work/headers"

# post PATH <BODY. Secrets go through pipes and files, because every user can read arguments. It retries
# while the directory starts.
post() {
  curl --silent --show-error --fail --max-time 20 --retry 30 --retry-delay 1 --retry-connrefused --retry-max-time 60 \
    --header @"$work/headers" --data-binary @- "$PANTHEROS_LLDAP_URL$1"
}

# ask QUERY [NAME [NUMBER]]: sets answer.
ask() {
  answer=$(jq --null-input --compact-output --arg query "$1" --arg name "${2:-}" --argjson number "${3:-null}" \
    '{$query, variables: ((if $name == "" then {} else {$name} end) + (if $number == null then {} else {$number} end))}' |
    post /api/graphql) ||
    die "no answer from $PANTHEROS_LLDAP_URL; see journalctl -u lldap"
  error=$(printf '%s' "$answer" | jq --raw-output '[.errors[]?.message] | join("; ")')
  [ -z "$error" ] || die "the directory refused: $error"
}

answer=$(jq --null-input --compact-output --rawfile password "$PANTHEROS_LLDAP_PASSWORD" \
  '{username: "admin", password: ($password | rtrimstr("\n"))}' | post /auth/simple/login) ||
  die "the administrator can't log in at $PANTHEROS_LLDAP_URL; is the secret lldap-admin-password the directory's? See journalctl -u lldap"
printf 'Authorization: Bearer %s\n' "$(printf '%s' "$answer" | jq --raw-output .token)" >>"$work/headers"

ask '{ groups { id displayName users { id } } users { id } }'
known=$answer
for group; do
  if printf '%s' "$known" | jq --exit-status --arg name "$group" 'any(.data.groups[]; .displayName == $name)' >/dev/null; then continue; fi
  # shellcheck disable=SC2016
  ask 'mutation ($name: String!) { createGroup(name: $name) { id } }' "$group"
  echo "created the group $group"
done

reader=$PANTHEROS_LLDAP_READER
has() { printf '%s' "$known" | jq --exit-status --arg reader "$reader" "$1" >/dev/null; }
# shellcheck disable=SC2016
has 'any(.data.users[]; .id == $reader)' || {
  ask 'mutation ($name: String!) { createUser(user: {id: $name, email: $name, displayName: $name}) { id } }' "$reader"
  echo "created the account $reader"
}
# This is its only group, so it is not an administrator.
# shellcheck disable=SC2016
has 'any(.data.groups[]; .displayName == "lldap_strict_readonly" and any(.users[]; .id == $reader))' || {
  group=$(printf '%s' "$known" | jq '[.data.groups[] | select(.displayName == "lldap_strict_readonly") | .id][0]')
  [ "$group" != null ] || die "the directory has no group lldap_strict_readonly; it comes with lldap"
  ask 'mutation ($name: String!, $number: Int!) { addUserToGroup(userId: $name, groupId: $number) { ok } }' "$reader" "$group"
}

# ldappasswd takes a final newline as part of the password, so the copies have none.
for file in PASSWORD READER_PASSWORD; do
  eval "printf %s \"\$(cat \"\$PANTHEROS_LLDAP_$file\")\"" >"$work/$file"
done
ldappasswd -x -H "$PANTHEROS_LLDAP_LDAP" -D "uid=admin,$PANTHEROS_LLDAP_PEOPLE" -y "$work/PASSWORD" \
  -T "$work/READER_PASSWORD" "uid=$reader,$PANTHEROS_LLDAP_PEOPLE" >/dev/null ||
  die "the directory did not set the password of $reader; see journalctl -u lldap"
